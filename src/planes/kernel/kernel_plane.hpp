// The kernel plane as the agent sees it: programs and tables, loaded or adopted, and their attachment to interfaces.
// Everything is pinned below one directory on a bpffs and stays in force when this object, or the process, goes away.
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
    std::string pin_directory;  // created if missing; must be on a bpffs
    std::string object_path;    // biplane.bpf.o; biplane-lookup.bpf.o lies beside it
    TableSizes sizes;
    bool force_clsact = false;  // as on kernels without tcx
};

class KernelPlane {
   public:
    // Adopts what is pinned: tables always (refused if their sizes or layout version differ), programs if they are the same
    // program, else the new ones are put in their place, link by link, without a gap. If the kernel refuses the direct form of the
    // programs and no tables are pinned yet, they are loaded in the look-up form; the log says so, and form() for good.
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
    std::vector<uint32_t> attached() const;  // interfaces with a pinned link

    // Where the kernel plane redirects what it punts from tcx hooks: ifindex of the outer end of the punt port.
    Status set_punt_port(uint32_t ifindex);
    // Where they redirect what is to be cut: ifindex of the outer end of the cut port.
    Status set_cut_port(uint32_t ifindex);

    // Detaches everything and removes the pins and the directory: the end of the datapath on this node.
    static Status remove(const std::string& pin_directory);

   private:
    struct State;
    explicit KernelPlane(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace biplane
