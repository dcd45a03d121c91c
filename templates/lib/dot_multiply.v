// SPDX-License-Identifier: MIT OR Apache-2.0
// Dot product with two's complement weights, by multiplier blocks. Exact.
`default_nettype none

module dot_multiply #(
    parameter SIMD      = 8,               // lanes
    parameter X_BITS    = 8,               // bits of one activation
    parameter X_SIGNED  = 0,               // 1: activations are two's complement
    parameter CODE_BITS = 8,               // bits of one weight code
    parameter SUM_BITS  = 20               // bits of the sum; the sum is modulo 2^SUM_BITS
) (
    input  wire                      clk,     // clock
    input  wire [   SIMD*X_BITS-1:0] x,       // activations, lane 0 lowest
    input  wire [SIMD*CODE_BITS-1:0] w,       // weight codes, lane 0 lowest
    output wire [      SUM_BITS-1:0] sum      // sum of the products, the latency of `multiplier` + max(1, ceil(log2(SIMD))) cycles later
);

  localparam BITS = X_BITS + 1 + CODE_BITS;  // of one product

  wire [SIMD*BITS-1:0] product;

  genvar i;
  generate
    for (i = 0; i < SIMD; i = i + 1) begin : g_lane
      wire [X_BITS-1:0]    value = x[i*X_BITS+:X_BITS];
      wire              top = (X_SIGNED != 0) && value[X_BITS-1];
      multiplier #(.A_BITS(X_BITS + 1), .B_BITS(CODE_BITS)) u_product (
          .clk(clk), .enable(1'b1), .a({top, value}), .b(w[i*CODE_BITS+:CODE_BITS]), .p(product[i*BITS+:BITS])
      );
    end
  endgenerate

  adder_tree #(.LANES(SIMD), .BITS(BITS), .SIGNED(1), .OUT_BITS(SUM_BITS)) u_tree (
      .clk(clk), .x(product), .sum(sum)
  );

endmodule

`default_nettype wire
