// A BPF object of the bench: opened beside the program that uses it, its global data mapped, its programs attached for as long as
// the process lives. Whatever fails ends the process with a sentence on standard error: these are tools of one job each.
#pragma once
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

namespace biplane::traffic {

constexpr int tcx_ingress = 46;  // BPF_TCX_INGRESS, which Debian 12's headers lack

[[noreturn]] inline void stop(const std::string& what, int error = 0) {
    std::fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, what.c_str(), error ? ": " : "",
                 error ? std::strerror(error) : "");
    std::exit(1);
}

inline uint32_t interface_index(const std::string& name) {
    const uint32_t index = if_nametoindex(name.c_str());
    if (index == 0) stop("no interface " + name, errno);
    return index;
}

class Object {
   public:
    // `entries`: of the map `sized`, chosen before it is made.
    explicit Object(const char* name, const char* sized = nullptr, uint32_t entries = 0) {
        libbpf_set_print([](libbpf_print_level level, const char* format, va_list arguments) {
            return level == LIBBPF_WARN ? std::vfprintf(stderr, format, arguments) : 0;
        });
        const auto file = std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
        object = bpf_object__open_file(file.c_str(), nullptr);
        if (!object) stop("cannot open " + file.string(), errno);
        if (sized && bpf_map__set_max_entries(bpf_object__find_map_by_name(object, sized), entries))
            stop(std::string("cannot size the map ") + sized, errno);
        if (const int error = bpf_object__load(object)) stop("cannot load " + file.string(), -error);
    }
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;
    ~Object() { bpf_object__close(object); }

    int map(const char* name) const {
        const int fd = bpf_object__find_map_fd_by_name(object, name);
        if (fd < 0) stop(std::string("no map ") + name);
        return fd;
    }

    int program(const char* name) const {
        const bpf_program* found = bpf_object__find_program_by_name(object, name);
        if (!found) stop(std::string("no program ") + name);
        return bpf_program__fd(found);
    }

    // The one global variable of the object, as the programs see it.
    template <typename Data>
    Data& data() const {
        bpf_map* map = nullptr;
        bpf_object__for_each_map(map, object) {
            if (std::strstr(bpf_map__name(map), ".data")) break;
        }
        if (!map || bpf_map__value_size(map) < sizeof(Data)) stop("the object has no data of that size");
        void* memory = mmap(nullptr, sizeof(Data), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
        if (memory == MAP_FAILED) stop("cannot map the data of the object", errno);
        return *static_cast<Data*>(memory);
    }

    // Attaches for as long as the process lives (the link is never closed).
    void attach_xdp(const char* name, uint32_t ifindex) const { attach(program(name), ifindex, BPF_XDP, name); }
    void attach_tcx(const char* name, uint32_t ifindex) const {
        attach(program(name), ifindex, static_cast<bpf_attach_type>(tcx_ingress), name);
    }

   private:
    static void attach(int program, uint32_t ifindex, bpf_attach_type type, const char* name) {
        const int link = bpf_link_create(program, static_cast<int>(ifindex), type, nullptr);
        if (link < 0) stop(std::string("cannot attach ") + name, errno);
    }

    bpf_object* object;
};

}  // namespace biplane::traffic
