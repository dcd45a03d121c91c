// SPDX-License-Identifier: MIT OR Apache-2.0
// Dot product with binary weights, code 1 for -1. An activation counts from its least value: x, or x + 2^(X_BITS-1) when signed;
// a weight -1 adds the bits' complement of that.
`default_nettype none

module dot_sign #(
    parameter SIMD      = 8,               // lanes
    parameter X_BITS    = 8,               // bits of one activation
    parameter X_SIGNED  = 0,               // 1: activations are two's complement
    parameter CODE_BITS = 1,               // bits of one weight code
    parameter SUM_BITS  = 20               // bits of the sum; the sum is modulo 2^SUM_BITS
) (
    input  wire                      clk,  // clock
    input  wire [   SIMD*X_BITS-1:0] x,    // activations, lane 0 lowest
    input  wire [SIMD*CODE_BITS-1:0] w,    // weight codes, lane 0 lowest
    output wire [      SUM_BITS-1:0] sum   // sum of the products, 1 + max(1, ceil(log2(SIMD))) cycles later
);

  localparam [X_BITS-1:0] FLIP = (X_SIGNED != 0) ? ~({X_BITS{1'b1}} >> 1) : {X_BITS{1'b0}};

  wire [SIMD*X_BITS-1:0] u;

  genvar i;
  generate
    for (i = 0; i < SIMD; i = i + 1) begin : g_lane
      assign u[i*X_BITS+:X_BITS] = x[i*X_BITS+:X_BITS] ^ FLIP;
    end
  endgenerate

  sign_sum #(.LANES(SIMD), .BITS(X_BITS), .HELD(1), .OUT_BITS(SUM_BITS)) u_sum (
      .clk(clk), .x(u), .invert(w), .sum(sum)
  );

endmodule

`default_nettype wire
