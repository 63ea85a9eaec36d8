// The programs where they belong: attached to the interfaces of the kernel ground. A frame is sent at the far end of its port's
// veth pair, and caught at the far end of whatever port it leaves through.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "engines/engine.hpp"
#include "engines/kernel_ground.hpp"
#include "engines/kernel_object.hpp"

namespace biplane::engines {

class LiveEngine : public Engine {
   public:
    LiveEngine(FabricHook hook, LoadedObject object) : hook_(hook), object_(std::move(object)) {}

    std::string name() const override { return hook_ == FabricHook::xdp ? "live_xdp" : "live_tcx"; }
    Plane plane() const override { return Plane::kernel; }
    bool writes_punt_tags() const override { return true; }
    bool hides_vlan_tags(uint16_t port) const override { return !is_xdp(port); }
    SharedTables& tables() override { return object_.tables; }
    Observation run(uint16_t port, const Bytes& frame) override;

    Status attach();

   protected:
    // A program has taken the frame. Returns when nobody works on it any more.
    virtual void wait_until_carried() {}

    static bool wait_until(const std::function<bool()>& condition);
    LoadedObject& object() { return object_; }

   private:
    struct Wire {
        uint16_t port;
        Fd socket;
    };
    struct Totals {
        uint64_t received = 0, leaving = 0, delivered = 0, punted = 0;
    };

    bool is_xdp(uint16_t port) const { return port == world::fabric && hook_ == FabricHook::xdp; }
    Status attach(uint16_t port);
    int wire_of(uint16_t port) const;
    Totals totals();
    bool caught(Observation& seen);
    void drain();

    FabricHook hook_;
    LoadedObject object_;
    std::vector<Wire> wires_;
    std::vector<Fd> links_;
    SinkSocket sink_;
};

}  // namespace biplane::engines
