// SPDX-License-Identifier: MIT OR Apache-2.0
// Streams beats through a generated circuit and records what comes out, cycle by cycle.
//
// It is built with the Verilated model `Vdut` and with `ports.h`, which the generator writes for each design:
//   INPUT_BITS   bits of s_axis_tdata
//   OUTPUTS(X)   X(prefix, bits, beats) for each output: what its ports begin with, bits of tdata, beats of a frame
//   PROBES(X)    X(prefix, bits) for each probe stream, in network order
//
// Files hold 32-bit little-endian words. An input beat is one word of flags (bit 0: tlast) and ceil(INPUT_BITS / 32)
// words of data. A recorded beat is its cycle (two words), its epoch (how many resets came before it), its flags
// (bit 0: tlast, bit 1: frame_error) and its data. A summary goes to standard output as JSON.

#include "Vdut.h"
#include "ports.h"
#include "verilated.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
using Wave = VerilatedFstC;
#elif VM_TRACE
#include "verilated_vcd_c.h"
using Wave = VerilatedVcdC;
#endif

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace {

constexpr std::size_t words_of(std::size_t bits) { return (bits + 31) / 32; }

[[noreturn]] void die(const std::string& message) {
    std::fprintf(stderr, "%s\n", message.c_str());
    std::exit(2);
}

// A port of up to 64 bits is an integer; a wider one is an array of words.
template <class Port, class = std::enable_if_t<std::is_integral_v<Port>>>
void put(Port& port, const uint32_t* words) {
    uint64_t value = words[0];
    if constexpr (sizeof(Port) > 4) value |= uint64_t{words[1]} << 32;
    port = static_cast<Port>(value);
}
template <std::size_t N> void put(VlWide<N>& port, const uint32_t* words) {
    for (std::size_t i = 0; i < N; ++i) port[i] = words[i];
}
template <class Port, class = std::enable_if_t<std::is_integral_v<Port>>>
void get(const Port& port, uint32_t* words) {
    words[0] = static_cast<uint32_t>(port);
    if constexpr (sizeof(Port) > 4) words[1] = static_cast<uint32_t>(port >> 32);
}
template <std::size_t N> void get(const VlWide<N>& port, uint32_t* words) {
    for (std::size_t i = 0; i < N; ++i) words[i] = port[i];
}

class Random {
public:
    explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 0xD1B54A32D192ED03u) {}
    uint32_t next() {  // splitmix64
        uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return static_cast<uint32_t>(z >> 32);
    }
    uint32_t below(uint32_t limit) { return static_cast<uint32_t>((uint64_t{next()} * limit) >> 32); }

private:
    uint64_t state_;
};

// Pauses that begin in a free cycle with probability `chance` / 256 and last 1 … `burst` cycles: each power of two
// below `burst` bounds as many of them, so that there are short ones that shift beats and long ones that fill buffers.
class Stall {
public:
    Stall(uint32_t chance, uint32_t burst, uint64_t seed) : chance_(chance), random_(seed) {
        while (burst >> scales_ > 1) ++scales_;
    }
    bool now() {
        if (chance_ == 0) return false;
        if (left_ == 0 && (random_.next() & 255) < chance_)
            left_ = 1 + random_.below(1u << random_.below(scales_ + 1));
        if (left_ == 0) return false;
        --left_;
        return true;
    }

private:
    uint32_t chance_, scales_ = 0, left_ = 0;
    Random random_;
};

struct Arguments {
    std::string input, streams, wave;
    uint64_t seed = 1, frames = 0, probes = 0, timeout = 100000, drain = 64, resets = 0, reset_window = 1;
    uint64_t wave_from = 0, wave_to = UINT64_MAX;  // cycles
    uint32_t stall_in = 0, stall_out = 0, burst = 1;

    static Arguments read(int argc, char** argv) {
        Arguments all;
        for (int i = 1; i < argc; ++i) {
            const std::string text = argv[i];
            const auto equals = text.find('=');
            if (text[0] == '+') continue;  // Verilator's own
            if (equals == std::string::npos || !all.set(text.substr(0, equals), text.substr(equals + 1)))
                die("found the argument " + text);
        }
        return all;
    }

private:
    bool set(const std::string& key, const std::string& value) {
        const auto number = std::strtoull(value.c_str(), nullptr, 10);
        if (key == "input") input = value;
        else if (key == "streams") streams = value;
        else if (key == "wave") wave = value;
        else if (key == "wave_from") wave_from = number;
        else if (key == "wave_to") wave_to = number;
        else if (key == "seed") seed = number;
        else if (key == "frames") frames = number;
        else if (key == "probes") probes = number;
        else if (key == "timeout") timeout = number;
        else if (key == "drain") drain = number;
        else if (key == "resets") resets = number;
        else if (key == "reset_window") reset_window = number;
        else if (key == "stall_in") stall_in = static_cast<uint32_t>(number);
        else if (key == "stall_out") stall_out = static_cast<uint32_t>(number);
        else if (key == "burst") burst = static_cast<uint32_t>(number);
        else return false;
        return true;
    }
};

std::vector<uint32_t> read_words(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) die("cannot open " + path);
    std::fseek(file, 0, SEEK_END);
    std::vector<uint32_t> words(static_cast<std::size_t>(std::ftell(file)) / 4);
    std::rewind(file);
    if (std::fread(words.data(), 4, words.size(), file) != words.size()) die("cannot read " + path);
    std::fclose(file);
    return words;
}

class Recorder {
public:
    explicit Recorder(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "wb")) {
        if (!file_) die("cannot create " + path);
    }
    ~Recorder() {
        if (std::fclose(file_) != 0) die("cannot write " + path_);
    }
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;
    void beat(uint64_t cycle, uint32_t epoch, uint32_t flags, const uint32_t* data, std::size_t words) {
        const uint32_t head[4] = {static_cast<uint32_t>(cycle), static_cast<uint32_t>(cycle >> 32), epoch, flags};
        if (std::fwrite(head, 4, 4, file_) != 4 || std::fwrite(data, 4, words, file_) != words)
            die("cannot write " + path_);
    }

private:
    std::string path_;
    std::FILE* file_;
};

struct Violation {
    uint64_t cycle;
    const char* port;
    const char* rule;
};

// A stream that the circuit drives: checks that an offered beat stays as it is until it is taken, and records it.
template <std::size_t BITS> class Stream {
public:
    static constexpr std::size_t WORDS = words_of(BITS);

    // `prefix` is what its ports begin with: its name, and an underscore.
    Stream(const std::string& prefix, const std::string& folder)
        : port_(prefix, 0, prefix.size() - 1), recorder_(folder + "/" + prefix) {}

    template <class Port>
    bool step(uint64_t cycle, uint32_t epoch, bool valid, bool ready, const Port& data, uint32_t flags,
              std::vector<Violation>& violations) {
        uint32_t words[WORDS];
        if (valid) get(data, words);
        if (waiting_) {
            if (!valid) report(violations, cycle, "valid fell before the beat was taken");
            else if (std::memcmp(words, held_, sizeof words) != 0)
                report(violations, cycle, "data changed before the beat was taken");
            else if ((flags & 1) != held_last_) report(violations, cycle, "last changed before the beat was taken");
        }
        waiting_ = valid && !ready;
        if (waiting_) {
            std::memcpy(held_, words, sizeof words);
            held_last_ = flags & 1;
        }
        if (!valid || !ready) return false;
        recorder_.beat(cycle, epoch, flags, words, WORDS);
        ++beats;
        return true;
    }
    void reset() {
        waiting_ = false;
        beats = 0;
    }

    uint64_t beats = 0;

private:
    void report(std::vector<Violation>& violations, uint64_t cycle, const char* rule) const {
        if (violations.size() < 8) violations.push_back({cycle, port_.c_str(), rule});
    }
    std::string port_;
    Recorder recorder_;
    uint32_t held_[WORDS] = {};
    uint32_t held_last_ = 0;
    bool waiting_ = false;
};

void print_handshake(const char* port, bool valid, bool ready) {
    const int length = static_cast<int>(std::strlen(port)) - 1;  // without the underscore at its end
    std::printf(",{\"port\":\"%.*s\",\"valid\":%d,\"ready\":%d}", length, port, valid ? 1 : 0, ready ? 1 : 0);
}

// The sender: offers one beat after the other, and keeps an offered beat until it is taken.
class Source {
public:
    Source(const Arguments& arguments)
        : words_(read_words(arguments.input)), stall_(arguments.stall_in, arguments.burst, arguments.seed) {
        if (words_.size() % STRIDE != 0) die("found a part of a beat in " + arguments.input);
    }
    void drive(Vdut& dut) {
        if (!offered_ && !finished() && !stall_.now()) {
            offered_ = true;
            const uint32_t* record = &words_[beats * STRIDE];
            dut.s_axis_tlast = record[0] & 1;
            put(dut.s_axis_tdata, record + 1);
        }
        dut.s_axis_tvalid = offered_;
    }
    void taken() {
        offered_ = false;
        ++beats;
    }
    void reset() {
        offered_ = false;
        beats = 0;
    }
    bool finished() const { return beats == words_.size() / STRIDE; }

    uint64_t beats = 0;

private:
    static constexpr std::size_t STRIDE = 1 + words_of(INPUT_BITS);
    std::vector<uint32_t> words_;
    Stall stall_;
    bool offered_ = false;
};

// The receivers: each pauses by itself.
struct Sinks {
    explicit Sinks(const Arguments& all) : arguments(all) {}
    const Arguments& arguments;
    uint64_t seed = arguments.seed ^ 0x5EED;
#define DECLARE_SINK(port, bits, frame_beats)                   \
    Stream<bits> port{#port, arguments.streams};                \
    Stall port##pause{arguments.stall_out, arguments.burst, seed++};
    OUTPUTS(DECLARE_SINK)

    void drive(Vdut& dut) {
#define DRIVE_SINK(port, bits, frame_beats) dut.port##tready = !port##pause.now();
        OUTPUTS(DRIVE_SINK)
    }
    void shake(Vdut& dut, Random& random) {
#define SHAKE_SINK(port, bits, frame_beats) dut.port##tready = random.next() & 1;
        OUTPUTS(SHAKE_SINK)
    }
    // Whether any beat was taken.
    bool step(Vdut& dut, uint64_t cycle, uint32_t epoch, std::vector<Violation>& violations) {
        bool any = false;
        const uint32_t error = dut.frame_error ? 2u : 0u;
#define STEP_SINK(port, bits, frame_beats)                                                                           \
    any |= port.step(cycle, epoch, dut.port##tvalid, dut.port##tready, dut.port##tdata,                              \
                     (dut.port##tlast ? 1u : 0u) | error, violations);
        OUTPUTS(STEP_SINK)
        return any;
    }
    void reset() {
#define RESET_SINK(port, bits, frame_beats) port.reset();
        OUTPUTS(RESET_SINK)
    }
    bool finished() const {
        bool all = true;
#define FINISHED_SINK(port, bits, frame_beats) all &= port.beats >= arguments.frames * frame_beats;
        OUTPUTS(FINISHED_SINK)
        return all;
    }
    uint64_t given() const {
        uint64_t all = 0;
#define COUNT_SINK(port, bits, frame_beats) all += port.beats;
        OUTPUTS(COUNT_SINK)
        return all;
    }
    static void print_state(Vdut& dut) {
#define PRINT_SINK(port, bits, frame_beats) print_handshake(#port, dut.port##tvalid, dut.port##tready);
        OUTPUTS(PRINT_SINK)
    }
};

// The streams between the layers, as the circuit shows them.
struct Probes {
    explicit Probes(std::string folder) : directory(std::move(folder)) {}
    const std::string directory;
#define DECLARE_PROBE(port, bits) Stream<bits> port{#port, directory};
    PROBES(DECLARE_PROBE)

    void step(Vdut& dut, uint64_t cycle, uint32_t epoch, std::vector<Violation>& violations) {
#define STEP_PROBE(port, bits) port.step(cycle, epoch, dut.port##valid, dut.port##ready, dut.port##data, 0, violations);
        PROBES(STEP_PROBE)
        (void)dut, (void)cycle, (void)epoch, (void)violations;
    }
    void reset() {
#define RESET_PROBE(port, bits) port.reset();
        PROBES(RESET_PROBE)
    }
    static void print_state(Vdut& dut) {
#define PRINT_PROBE(port, bits) print_handshake(#port, dut.port##valid, dut.port##ready);
        PROBES(PRINT_PROBE)
        (void)dut;
    }
};

class Bench {
public:
    explicit Bench(const Arguments& arguments)
        : arguments_(arguments), source_(arguments), sinks_(arguments), random_(arguments.seed + 77) {
        context_.randReset(2);
        context_.randSeed(static_cast<int>(arguments.seed & 0x7FFFFFFF) | 1);
        dut_ = std::make_unique<Vdut>(&context_, "dut");
        if (arguments.probes != 0) probes_ = std::make_unique<Probes>(arguments.streams);
        open_wave();
    }
    ~Bench() {
        dut_->final();
#if VM_TRACE
        if (wave_) wave_->close();
#endif
    }

    int run() {
        reset();
        for (uint64_t left = arguments_.resets; left > 0 && !stuck_; --left) {
            for (uint64_t cycles = 1 + random_.below(static_cast<uint32_t>(arguments_.reset_window)); cycles > 0; --cycles)
                cycle();
            reset();
            ++epoch_;
        }
        while (!sinks_.finished() && !stuck_) cycle();
        if (!stuck_)
            for (uint64_t left = arguments_.drain; left > 0; --left) cycle();
        print_summary();
        return 0;
    }

private:
    void open_wave() {
        if (arguments_.wave.empty()) return;
#if VM_TRACE
        context_.traceEverOn(true);
        wave_ = std::make_unique<Wave>();
        dut_->trace(wave_.get(), 99);
        wave_->open(arguments_.wave.c_str());
#else
        die("this model was built without waveforms");
#endif
    }

    void evaluate(bool clock) {
        dut_->clk = clock;
        dut_->eval();
#if VM_TRACE
        if (wave_ && arguments_.wave_from <= cycle_ && cycle_ <= arguments_.wave_to)
            wave_->dump(2 * cycle_ + (clock ? 1 : 0));
#endif
    }

    // Asserts rst for a few cycles; what was under way is forgotten on both sides.
    void reset() {
        dut_->rst = 1;
        dut_->s_axis_tvalid = 0;
        for (uint32_t left = 2 + random_.below(4); left > 0; --left) {
            sinks_.shake(*dut_, random_);
            evaluate(false);
            evaluate(true);
            ++cycle_;
        }
        dut_->rst = 0;
        source_.reset();
        sinks_.reset();
        if (probes_) probes_->reset();
        first_taken_ = -1;
        frame_error_ = -1;
        progress_ = cycle_;
    }

    // The low phase settles with this cycle's inputs, is read, and the rising edge ends the cycle.
    void cycle() {
        source_.drive(*dut_);
        sinks_.drive(*dut_);
        evaluate(false);

        const bool taken = dut_->s_axis_tvalid && dut_->s_axis_tready;
        const bool given = sinks_.step(*dut_, cycle_, epoch_, violations_);
        if (probes_) probes_->step(*dut_, cycle_, epoch_, violations_);
        if (dut_->frame_error && frame_error_ < 0) frame_error_ = static_cast<int64_t>(cycle_);
        if (taken) {
            if (first_taken_ < 0) first_taken_ = static_cast<int64_t>(cycle_);
            source_.taken();
        }
        if (taken || given) progress_ = cycle_;
        stuck_ = cycle_ - progress_ > arguments_.timeout;

        evaluate(!stuck_);
        ++cycle_;
    }

    void print_summary() {
        std::printf("{\"cycles\":%llu,\"taken\":%llu,\"given\":%llu,\"first_taken\":%lld,\"frame_error\":%lld,"
                    "\"violations\":[",
                    ull(cycle_), ull(source_.beats), ull(sinks_.given()), static_cast<long long>(first_taken_),
                    static_cast<long long>(frame_error_));
        const char* separator = "";
        for (const auto& violation : violations_) {
            std::printf("%s{\"cycle\":%llu,\"port\":\"%s\",\"rule\":\"%s\"}", separator, ull(violation.cycle),
                        violation.port, violation.rule);
            separator = ",";
        }
        std::printf("],\"stuck\":[");
        if (stuck_) {
            std::printf("{\"port\":\"s_axis\",\"valid\":%d,\"ready\":%d}", dut_->s_axis_tvalid, dut_->s_axis_tready);
            if (probes_) Probes::print_state(*dut_);
            Sinks::print_state(*dut_);
        }
        std::printf("]}\n");
    }
    static unsigned long long ull(uint64_t value) { return value; }

    const Arguments& arguments_;
    VerilatedContext context_;
    std::unique_ptr<Vdut> dut_;
    Source source_;
    Sinks sinks_;
    std::unique_ptr<Probes> probes_;
    Random random_;
    std::vector<Violation> violations_;
    uint64_t cycle_ = 0, progress_ = 0;
    uint32_t epoch_ = 0;
    int64_t first_taken_ = -1, frame_error_ = -1;
    bool stuck_ = false;
#if VM_TRACE
    std::unique_ptr<Wave> wave_;
#endif
};

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments = Arguments::read(argc, argv);
    return Bench(arguments).run();
}
