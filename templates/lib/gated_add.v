// SPDX-License-Identifier: MIT OR Apache-2.0
// A step of a chain of gated sums.
`default_nettype none

module gated_add #(
    parameter A_BITS   = 9,                // bits of the sum so far
    parameter B_BITS   = 8,                // bits of what is added
    parameter SUM_BITS = 10                // bits of the sum; at least those of a and b
) (
    input  wire [  A_BITS-1:0] a,          // sum so far
    input  wire [  B_BITS-1:0] b,          // what is added
    input  wire                gate,       // 0: nothing is
    input  wire                invert,     // 1: its complement is
    output wire [SUM_BITS-1:0] sum         // a, or a + b, or a + ~b, unsigned
);

  wire [SUM_BITS-1:0] wide_a;
  wire [SUM_BITS-1:0] wide_b;

  generate
    if (SUM_BITS > A_BITS) begin : g_extend_a
      assign wide_a = {{(SUM_BITS - A_BITS) {1'b0}}, a};
    end else begin : g_same_a
      assign wide_a = a;
    end
    if (SUM_BITS > B_BITS) begin : g_extend_b
      assign wide_b = {{(SUM_BITS - B_BITS) {1'b0}}, (b ^ {B_BITS{invert}}) & {B_BITS{gate}}};
    end else begin : g_same_b
      assign wide_b = (b ^ {B_BITS{invert}}) & {B_BITS{gate}};
    end
  endgenerate

  assign sum = wide_a + wide_b;

endmodule

`default_nettype wire
