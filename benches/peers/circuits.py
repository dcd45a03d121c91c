"""Build the same networks with other generators and with Netetch, by the same tools, and print one table.

    .peers/bin/python benches/peers/circuits.py NETS [--seeds 1] [--only NAME] [--json FILE]

NETS holds w1 … w4 as `examples/peers/convert.py` reads them. da4ml 0.6.0 makes w1 and w2, a frame every cycle; NNgen 1.3.4
makes w1 and w4, one multiplication at once, weights outside the chip behind AXI. What they compute is compared with the
networks' logits before anything is synthesized; where there is Icarus Verilog, NNgen's circuits are simulated for a frame,
which gives their cycles and must give the logits, too. Yosys and nextpnr are those of `make tools`; the device is an
ECP5-85k of grade 6. A circuit stands between shift registers, whose logic is not counted.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

from nets import network

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / ".tools" / "bin"
CLOCK = 200
AXI_BITS = 32
NET = "net"
LUTS = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6}


def compare(generator, name, found, wanted):
    wrong = int((np.asarray(found).reshape(wanted.shape) != wanted).sum())
    if wrong:
        sys.exit(f"{generator} {name}: {wrong} of {wanted.size} logits differ")


def da4ml(name, layers, inputs, logits, folder):
    """Unrolled, registers behind every two levels of adders."""
    from da4ml.codegen import VerilogModel
    from da4ml.trace import FixedVariableArray, comb_trace

    unsigned = lambda count, bits: [np.full(count, value) for value in (0, bits, 0)]
    first = values = FixedVariableArray.from_kif(*unsigned(inputs.shape[1], 5))
    for _, weights, bias, shift, _ in layers:
        values = values @ weights + bias
        if shift is not None:
            values = values.relu() * 2.0**-shift
            values = values.quantize(*unsigned(len(bias), 8), overflow_mode="SAT", round_mode="TRN")
    logic = comb_trace(first, values)
    compare("da4ml", name, logic.predict(inputs.astype(float)), logits)
    model = VerilogModel(logic, NET, folder, latency_cutoff=2, print_latency=False)
    model.write()
    return sorted(folder.rglob("*.v")), 1


def nngen(name, layers, inputs, logits, folder):
    """One multiplication at once."""
    import nngen as ng

    def variable(dtype, values):
        made = ng.variable(dtype, shape=values.shape)
        made.set_value(values)
        return made

    shape = (1,) + inputs.shape[1:]
    first = values = ng.placeholder(ng.int16, shape=shape, name="x")
    for kind, weights, bias, shift, pool in layers:
        # It rounds halves up; half a unit less in the bias makes a floor of it.
        half = 0 if shift is None else 2 ** (shift - 1)
        how = {"bias": variable(ng.int32, bias - half), "sum_dtype": ng.int32}
        # Signed nine bits saturate at 255. Behind convolutions nothing exceeds it, and circuits of nine bits there do not
        # compute what NNgen's own model does.
        rounded = {"dtype": ng.dtype_int(9) if kind == "fc" else ng.int16, "rshift_out": shift, "act_func": ng.relu}
        how |= {"dtype": ng.int32} if shift is None else rounded
        if kind == "fc":
            values = ng.reshape(values, (1, -1)) if len(values.shape) > 2 else values
            values = ng.matmul(values, variable(ng.int4, weights.T), transposed_b=True, **how)
        else:
            kernel = variable(ng.int4, weights.transpose(3, 0, 1, 2))
            values = ng.conv2d(values, kernel, strides=(1, 1, 1, 1), **how)
        if pool:
            values = ng.max_pool_serial(values, ksize=(1, 2, 2, 1), strides=(1, 2, 2, 1))
    compare("NNgen", name, [ng.eval([values], x=frame[None])[0] for frame in inputs], logits)
    circuit = ng.to_veriloggen([values], NET, silent=True, config={"maxi_datawidth": AXI_BITS})
    path = folder / "net.v"
    circuit.to_verilog(str(path))
    has_simulator = shutil.which("iverilog") is not None
    return [path], nngen_cycles(name, circuit, first, values, inputs[0], logits[0], folder) if has_simulator else None


def nngen_cycles(name, circuit, first, values, frame, wanted, folder):
    """Cycles of a frame in simulation, weights and values in a memory behind AXI, each access 10 cycles late."""
    import nngen as ng
    import veriloggen.thread as vthread
    import veriloggen.types.axi as axi
    from veriloggen import Delay, Module, Not, Seq, Systask, simulation

    parameters = ng.export_ndarray([values])
    at = -(-(first.addr + first.memory_size) // 64) * 64
    scratch = -(-(at + len(parameters)) // 64) * 64
    memory = np.zeros(2**20 // (AXI_BITS // 8), dtype=np.int64)
    axi.set_memory(memory, frame.astype(np.int64).reshape(first.shape), AXI_BITS, 16, first.addr, AXI_BITS // 16)
    axi.set_memory(memory, parameters, AXI_BITS, 8, at)
    bench = Module("test")
    params, ports = bench.copy_params(circuit), bench.copy_sim_ports(circuit)
    clock, resetn = ports["CLK"], ports["RESETN"]
    reset = bench.Wire("RST")
    reset.assign(Not(resetn))
    image = str(folder / "memory.out")
    model = axi.AxiMemoryModel(
        bench, "memory", clock, reset, datawidth=AXI_BITS, memimg=memory, memimg_name=image, memimg_datawidth=AXI_BITS
    )
    model.connect(ports, "maxi")
    host = vthread.AXIMLite(bench, "_saxi", clock, reset, noio=True)
    host.connect(ports, "saxi")
    counter = bench.Reg("counter", 32, initval=0)
    Seq(bench, "counting", clock, reset)(counter.inc())

    def drive():
        for _ in range(100):
            pass
        ng.sim.set_global_addrs(host, scratch)
        begin = counter.value
        ng.sim.start(host)
        ng.sim.wait(host)
        end = counter.value
        print("cycles %d" % (end - begin))
        for index in range(len(wanted)):
            print("logit %d" % model.read_word(index, values.addr, 32))
        vthread.finish()

    vthread.Thread(bench, "drive_thread", clock, reset, drive).start()
    bench.Instance(circuit, "uut", params=bench.connect_params(circuit), ports=bench.connect_ports(circuit))
    simulation.setup_clock(bench, clock, hperiod=5)
    starting = simulation.setup_reset(bench, resetn, bench.make_reset(), period=100, polarity="low")
    starting.add(Delay(10_000_000), Systask("finish"))
    said = simulation.Simulator(bench, sim="iverilog").run(outputfile=str(folder / "sim.out"))
    found = lambda word: [int(line.split()[1]) for line in said.splitlines() if line.split()[:1] == [word]]
    compare("NNgen, simulated,", name, np.array(found("logit")).astype(np.uint32).astype(np.int32), wanted)
    return found("cycles")[0]


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"{command[0]}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def wires(ports, bus):
    """Connections of ports to a bus, the first in its lowest bits, and the bus' width."""
    made, at = [], 0
    for port, width in ports:
        made.append(f".{port}({bus}[{at + width - 1}:{at}])")
        at += width
    return made, at


def harness(module):
    """A shift register before all inputs, one behind all outputs; the clock is the port named so."""
    is_clock = lambda port: port.lower() in ("clk", "clock")
    clock = next(port for port in module["ports"] if is_clock(port))
    ports = {"input": [], "output": []}
    for port, what in module["ports"].items():
        if not is_clock(port):
            ports[what["direction"]].append((port, len(what["bits"])))
    taken, ins = wires(ports["input"], "ins")
    given, outs = wires(ports["output"], "given")
    return f"""
module harness (input wire clk, input wire shift, input wire load, output wire out);
  reg [{ins - 1}:0] ins;
  reg [{outs - 1}:0] outs;
  wire [{outs - 1}:0] given;
  (* keep *) {NET} u_net ({", ".join([f".{clock}(clk)", *taken, *given])});
  always @(posedge clk) begin
    ins <= {{ins[{ins - 2}:0], shift}};
    outs <= load ? given : {{outs[{outs - 2}:0], 1'b0}};
  end
  assign out = outs[{outs - 1}];
endmodule
"""


def build(sources, folder, seeds):
    """LUTs, flip-flops, block RAMs and multipliers without the shift registers, and the best clock."""
    read = "read_verilog -defer " + " ".join(str(source) for source in sources) + "; "
    yosys = lambda script: run(BIN / "yosys", "-Q", "-p", script, cwd=folder)
    yosys(read + f"hierarchy -top {NET}; proc; write_json ports.json")
    module = json.loads((folder / "ports.json").read_text())["modules"][NET]
    (folder / "harness.v").write_text(harness(module))
    yosys(
        read + f"read_verilog harness.v; hierarchy -top harness; proc; flatten {NET}; "
        f"setattr -mod -set keep_hierarchy 1 {NET}; "
        "synth_ecp5 -no-rw-check -top harness -json netlist.json; tee -o stat.json stat -json"
    )
    cells = json.loads((folder / "stat.json").read_text())["modules"]
    cells = next(module for name, module in cells.items() if name.lstrip("\\") == NET)["num_cells_by_type"]
    routed = []
    for seed in range(1, seeds + 1):
        run(
            *(BIN / "nextpnr-ecp5", "--85k", "--speed", "6", "--package", "CABGA381", "--json", "netlist.json"),
            *("--seed", seed, "--freq", CLOCK, "--timing-allow-fail", "--report", "report.json"),
            cwd=folder,
        )
        fmax = json.loads((folder / "report.json").read_text())["fmax"]
        routed.append(min(clock["achieved"] for clock in fmax.values()))
    return {
        "lut": sum(count * cells.get(cell, 0) for cell, count in LUTS.items()),
        "ff": cells.get("TRELLIS_FF", 0),
        "bram": cells.get("DP16KD", 0),
        "dsp": cells.get("MULT18X18D", 0),
        "mhz": max(routed, default=None),
    }


def netetch(name, nets, cycles, folder, seeds):
    """What `netetch synth` says of the network, converted, and planned for the clock that nextpnr aims at."""
    run(sys.executable, ROOT / "examples/peers/convert.py", nets, folder)
    network = folder / name / "net.yaml"
    network.write_text(network.read_text().replace("clock_mhz: 100", f"clock_mhz: {CLOCK}"))
    how = ["--seeds", seeds] if seeds else ["--no-route"]
    command = [ROOT / "target/release/netetch", "synth", network, "--json", "--target", "ecp5-85k"]
    said = json.loads(run(*command, "--cycles", cycles, *how, cwd=folder))
    row = {key: said["resources"][key] for key in ("lut", "ff", "bram", "dsp")}
    return row | {"mhz": (said["routed"] or {}).get("fmax_mhz"), "ii": said["cycles"]["ii"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("nets", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=1, help="seeds of place and route; 0: synthesis alone")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--json", type=pathlib.Path)
    given = parser.parse_args()
    peers = [("da4ml", da4ml, "w2"), ("da4ml", da4ml, "w1"), ("NNgen", nngen, "w1"), ("NNgen", nngen, "w4")]
    own = [("w2", 1), ("w1", 1), ("w1", 16), ("w4", 576)]
    rows = []
    print(f"{'':28}{'LUT':>8}{'FF':>8}{'BRAM':>6}{'DSP':>5}{'MHz':>8}{'II':>6}{'inferences/s':>14}", flush=True)

    def add(label, make):
        if given.only not in label:
            return
        with tempfile.TemporaryDirectory() as folder:
            row = make(pathlib.Path(folder))
        rate = row["mhz"] and row["ii"] and row["mhz"] * 1e6 / row["ii"]
        rows.append({"circuit": label, **row, "inferences_per_s": rate})
        numbers = [(row["mhz"], 1, 8), (row["ii"], 0, 6), (rate, 0, 14)]
        cells = "".join(f"{row[key]:>{width},}" for key, width in (("lut", 8), ("ff", 8), ("bram", 6), ("dsp", 5)))
        for value, digits, width in numbers:
            cells += f"{value:>{width},.{digits}f}" if value else f"{'–':>{width}}"
        print(f"{label:28}{cells}", flush=True)

    for generator, make, name in peers:
        def peer(folder, make=make, name=name):
            sources, cycles = make(name, *network(given.nets, name), folder)
            return build(sources, folder, given.seeds) | {"ii": cycles}

        add(f"{generator}, {name}", peer)
    for name, cycles in own:
        add(f"Netetch, {name}, {cycles} cycles", lambda folder: netetch(name, given.nets, cycles, folder, given.seeds))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
