// SPDX-License-Identifier: MIT OR Apache-2.0
// Clock of the leaves' bench: a stalled run cut off by a reset, a whole run without stalls, a whole run with them.
#include "Vbench.h"
#include "verilated.h"

static Vbench* bench;

static void cycle() {
    bench->clk = 0;
    bench->eval();
    bench->clk = 1;
    bench->eval();
}

static bool all_done() {
    for (int bit = 0; bit < CASES; ++bit) {
        if (!((bench->done[bit / 32] >> (bit % 32)) & 1)) return false;
    }
    return true;
}

static void run(bool stall, int limit) {
    bench->stall = stall;
    bench->rst = 1;
    for (int count = 0; count < 3; ++count) cycle();
    bench->rst = 0;
    for (int count = 0; count < limit && !all_done(); ++count) cycle();
}

int main(int argc, char** argv) {
    Verilated::commandArgs(argc, argv);
    bench = new Vbench;
    bench->clk = 0;
    run(true, 60);
    run(false, 60000);
    run(true, 240000);
    bench->final();
    delete bench;
    return 0;
}
