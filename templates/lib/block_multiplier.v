// SPDX-License-Identifier: MIT OR Apache-2.0
// Product of two two's complement numbers that a multiplier block takes. Latency 3 enabled cycles: a block's registers
// before, within and behind it.
`default_nettype none

module block_multiplier #(
    parameter A_BITS = 18,                 // bits of a, up to 18
    parameter B_BITS = 18                  // bits of b, up to 18
) (
    input  wire                     clk,      // clock
    input  wire                     enable,   // all registers load
    input  wire [       A_BITS-1:0] a,        // factor, two's complement
    input  wire [       B_BITS-1:0] b,        // factor, two's complement
    output wire [A_BITS+B_BITS-1:0] p         // product, two's complement
);

  reg signed [       A_BITS-1:0] a_q;
  reg signed [       B_BITS-1:0] b_q;
  reg signed [A_BITS+B_BITS-1:0] product_q;
  reg signed [A_BITS+B_BITS-1:0] p_q;
  wire signed [A_BITS+B_BITS-1:0] product = a_q * b_q;

  always @(posedge clk)
    if (enable) begin
      a_q       <= a;
      b_q       <= b;
      product_q <= product;
      p_q       <= product_q;
    end

  assign p = p_q;

endmodule

`default_nettype wire
