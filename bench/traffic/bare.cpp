// Attaches one of the bare programs: what comes in at one interface leaves at another. Ends with its standard input.
#include <CLI/CLI.hpp>
#include <iostream>

#include "traffic/object.hpp"

using namespace biplane::traffic;

int main(int argc, char** argv) {
    std::string program, from, to;
    CLI::App app{"Redirects everything from one interface to another"};
    app.add_option("program", program)
        ->required()
        ->check(CLI::IsMember({"redirect_xdp", "redirect_tcx", "redirect_tcx_peer", "drop_xdp"}));
    app.add_option("--from", from)->required();
    app.add_option("--to", to)->required();
    CLI11_PARSE(app, argc, argv);

    const Object object("bare.bpf.o");
    object.data<uint32_t>() = interface_index(to);
    const bool is_xdp = program.find("xdp") != std::string::npos;
    (is_xdp ? object.attach_xdp(program.c_str(), interface_index(from))
            : object.attach_tcx(program.c_str(), interface_index(from)));
    std::cout << "ready" << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
    }
    return 0;
}
