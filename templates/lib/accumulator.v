// SPDX-License-Identifier: MIT OR Apache-2.0
// Adds up the steps of a fold. The running sum is cleared by its registers' own reset, which costs no logic; the total
// has a register to itself, so the next fold starts at once.
`default_nettype none

module accumulator #(
    parameter BITS   = 20,                 // bits of the sum
    parameter SINGLE = 0                   // 1: every fold has one step, nothing is added
) (
    input  wire            clk,            // clock
    input  wire            rst,            // synchronous reset, active high
    input  wire            enable,         // the pipeline moves
    input  wire            valid,          // x is a step
    input  wire            last,           // ... and the last of its fold
    input  wire [BITS-1:0] x,              // what the step adds
    output wire [BITS-1:0] total           // sum of the fold, one enabled cycle after its last step
);

  reg [BITS-1:0] total_q;

  assign total = total_q;

  generate
    if (SINGLE != 0) begin : g_single
      wire unused = &{1'b0, rst, valid};
      always @(posedge clk) if (enable && last) total_q <= x;
    end else begin : g_sum
      reg  [BITS-1:0] sum_q;
      wire [BITS-1:0] sum_d = sum_q + x;

      always @(posedge clk) begin
        if (enable && last) total_q <= sum_d;
        if (enable && valid) sum_q <= sum_d;
        if (rst || (enable && last)) sum_q <= {BITS{1'b0}};
      end
    end
  endgenerate

endmodule

`default_nettype wire
