// SPDX-License-Identifier: MIT OR Apache-2.0
// One lane of `threshold`: all comparisons at once, then the length of the run of ones by halving; latency 2 enabled
// cycles.
`default_nettype none

module threshold_lane #(
    parameter ACC_BITS = 12,               // bits of the accumulator, two's complement
    parameter STEPS    = 3,                // thresholds, ascending
    parameter OUT_BITS = 2,                // bits of the result
    parameter FIRST    = 0,                // result below the first threshold
    parameter STEP     = 1                 // what a threshold adds to the result
) (
    input  wire                            clk,        // clock
    input  wire                            enable,     // all registers load
    input  wire signed [ACC_BITS-1:0]      acc,        // accumulator
    input  wire [STEPS*(ACC_BITS+1)-1:0]   thresholds, // thresholds, the lowest first
    output wire [OUT_BITS-1:0]             y           // result
);

  localparam BITS   = ACC_BITS + 1;
  localparam LEVELS = $clog2(STEPS + 1);   // bits of the count
  localparam SLOTS  = (1 << LEVELS) - 1;
  localparam SUM    = (OUT_BITS > LEVELS) ? OUT_BITS : LEVELS;
  localparam signed [31:0] FIRST_32 = FIRST;
  localparam signed [31:0] STEP_32 = STEP;

  wire signed [BITS-1:0] wide = {acc[ACC_BITS-1], acc};
  reg  [SLOTS-1:0] reached_q;              // ones, then zeros
  wire [LEVELS-1:0] count;
  reg  [OUT_BITS-1:0] y_q;

  assign y = y_q;

  genvar k, level;
  generate
    for (k = 0; k < SLOTS; k = k + 1) begin : g_threshold
      if (k < STEPS) begin : g_compare
        wire signed [BITS-1:0] bound = thresholds[k*BITS+:BITS];
        always @(posedge clk) if (enable) reached_q[k] <= wide >= bound;
      end else begin : g_never
        always @(posedge clk) if (enable) reached_q[k] <= 1'b0;
      end
    end

    // Level n looks at the middle of a run of 2^n - 1 slots and keeps the half with the end of the ones.
    for (level = LEVELS; level > 0; level = level - 1) begin : g_level
      localparam MIDDLE = 1 << (level - 1);
      wire [2*MIDDLE-2:0] run;
      if (level == LEVELS) begin : g_top
        assign run = reached_q;
      end else begin : g_half
        assign run = count[level] ? g_level[level+1].run[4*MIDDLE-2:2*MIDDLE] : g_level[level+1].run[2*MIDDLE-2:0];
      end
      assign count[level-1] = run[MIDDLE-1];
    end

    if (STEP == 1) begin : g_up
      wire [SUM-1:0] sum = FIRST_32[SUM-1:0] + {{(SUM - LEVELS) {1'b0}}, count};
      wire unused = &{1'b0, sum};
      always @(posedge clk) if (enable) y_q <= sum[OUT_BITS-1:0];
    end else if (STEP == -1) begin : g_down
      wire [SUM-1:0] sum = FIRST_32[SUM-1:0] - {{(SUM - LEVELS) {1'b0}}, count};
      wire unused = &{1'b0, sum};
      always @(posedge clk) if (enable) y_q <= sum[OUT_BITS-1:0];
    end else begin : g_any
      wire [31:0] sum = FIRST_32 + STEP_32 * $signed({{(32 - LEVELS) {1'b0}}, count});
      wire unused = &{1'b0, sum};
      always @(posedge clk) if (enable) y_q <= sum[OUT_BITS-1:0];
    end
  endgenerate

endmodule

`default_nettype wire
