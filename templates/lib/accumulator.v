// SPDX-License-Identifier: MIT OR Apache-2.0
// Sums of folds of consecutive steps.
`default_nettype none

module accumulator #(
    parameter BITS   = 20,                 // bits of the sum
    parameter SINGLE = 0                   // 1: every fold has one step, nothing is added
) (
    input  wire            clk,            // clock
    input  wire            rst,            // synchronous reset, active high
    input  wire            valid,          // x is a step
    input  wire            last,           // ... and the last of its fold
    input  wire [BITS-1:0] x,              // what the step adds
    output wire [BITS-1:0] total           // sum of the fold, from the cycle after its last step to the next step
);

  reg [BITS-1:0] total_q;

  assign total = total_q;

  generate
    if (SINGLE != 0) begin : g_single
      wire unused = &{1'b0, rst, last};
      always @(posedge clk) if (valid) total_q <= x;
    end else begin : g_sum
      reg             keep_q;              // the step adds to those before it
      wire [BITS-1:0] total_d;

      restart_add #(.BITS(BITS)) u_add (.keep(keep_q), .a(total_q), .b(x), .sum(total_d));

      always @(posedge clk) begin
        if (valid) total_q <= total_d;
        if (valid) keep_q <= !last;
        if (rst) keep_q <= 1'b0;
      end
    end
  endgenerate

endmodule

`default_nettype wire
