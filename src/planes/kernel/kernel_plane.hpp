// The kernel plane as the agent sees it: programs and tables, loaded or adopted, and their attachment to interfaces.
// Everything is pinned below one directory on a bpffs and stays in force when this object, or the process, goes away. This object
// also holds a descriptor of all of it: as long as it lives, nothing is detached because a pin has gone.
// Call it in the node's network namespace. One thread.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "planes/kernel/kernel_object.hpp"
#include "planes/shared_tables.hpp"

struct bpf_object;

namespace biplane {

enum class Hook { automatic, xdp, tcx };  // as configured
enum class AttachedHook { tcx, clsact, xdp_native, xdp_generic };
const char* to_string(AttachedHook hook);

struct KernelPlaneOptions {
    struct Interface {
        uint32_t ifindex;
        bool is_fabric;
    };
    std::string pin_directory;  // created if missing; must be on a bpffs
    std::string object_path;    // biplane.bpf.o; biplane-lookup.bpf.o lies beside it
    TableSizes sizes;
    bool force_clsact = false;          // as on kernels without tcx
    std::vector<Interface> interfaces;  // where programs may still run whose pins have gone
};

// A program that was taken off an interface by somebody else, and whether it could be attached again.
struct LostProgram {
    uint32_t ifindex;
    std::string hook;  // tcx, clsact, xdp
    Status mended;
};

class KernelPlane {
   public:
    // Adopts what is pinned: tables always (refused if their sizes or layout version differ), programs if they are the same
    // program, else the new ones are put in their place, link by link, without a gap. If the kernel refuses the direct form of the
    // programs and no tables are pinned yet, they are loaded in the look-up form; the log says so, and form() for good. Pins that have
    // gone are made again from what still runs on `interfaces`.
    static Result<KernelPlane> open(const KernelPlaneOptions& options);
    KernelPlane(KernelPlane&&) noexcept;
    KernelPlane& operator=(KernelPlane&&) noexcept;
    ~KernelPlane();

    bool adopted() const;   // the tables were there before
    bool replaced() const;  // the programs were there, and were others
    const FormChoice& form() const;
    SharedTables& tables();

    // Workload, host ports: tcx (clsact where there is none) ingress; XDP if asked for. Does nothing if already attached.
    Result<AttachedHook> attach_workload(uint32_t ifindex, Hook hook);
    // automatic: XDP where the driver does it natively and segmentation offload does not suffer; on veth tcx.
    Result<AttachedHook> attach_fabric(uint32_t ifindex, Hook hook);
    // The inner end of the punt port: XDP, redirects into the sockets.
    Result<AttachedHook> attach_punt(uint32_t ifindex);
    // The inner end of the cut port: tcx or clsact.
    Result<AttachedHook> attach_cut(uint32_t ifindex);
    Status detach(uint32_t ifindex);
    std::vector<uint32_t> attached() const;  // interfaces, by our own books
    // Whether a program of ours sees what comes in through the interface, by what the kernel says.
    bool is_in_force(uint32_t ifindex) const;
    // Compares what is attached with what should be, attaches again what was taken off, and tells of it.
    std::vector<LostProgram> mend();
    // Pins again what has lost its pin, and returns the names. ENOENT: the directory has gone, or is not on a bpffs any more.
    Result<std::vector<std::string>> restore_pins();

    // Where the kernel plane redirects what it punts from tcx hooks: ifindex of the outer end of the punt port.
    void set_punt_port(uint32_t ifindex);
    // Where they redirect what is to be cut: ifindex of the outer end of the cut port.
    void set_cut_port(uint32_t ifindex);

    // Detaches everything, also what runs on `interfaces` without a pin, and removes the pins and the directory: the end of the
    // datapath on this node. The user plane sees it by the punt port, which is none then.
    static Status remove(const std::string& pin_directory, const std::vector<KernelPlaneOptions::Interface>& interfaces);

   private:
    struct State;
    explicit KernelPlane(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace biplane
