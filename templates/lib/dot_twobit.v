// SPDX-License-Identifier: MIT OR Apache-2.0
// Dot product with the weights +1, -1, +2, -2, code {sign, 2 instead of 1}. An activation counts from its least value: x, or x + 2^(X_BITS-1) when signed;
// it is doubled for a weight of 2, and a negative weight adds the complement of the X_BITS + 1 bits.
`default_nettype none

module dot_twobit #(
    parameter SIMD      = 8,               // lanes
    parameter X_BITS    = 8,               // bits of one activation
    parameter X_SIGNED  = 0,               // 1: activations are two's complement
    parameter CODE_BITS = 2,               // bits of one weight code
    parameter CHAIN     = 4,               // lanes of a chain
    parameter FIRST     = 0,               // 1: its first has a register of its own
    parameter SUM_BITS  = 20               // bits of the sum; the sum is modulo 2^SUM_BITS
) (
    input  wire                      clk,  // clock
    input  wire [   SIMD*X_BITS-1:0] x,    // activations, lane 0 lowest; skewed
    input  wire [SIMD*CODE_BITS-1:0] w,    // weight codes, lane 0 lowest; skewed
    output wire [      SUM_BITS-1:0] sum   // sum of the products; latency of `gated_sum`
);

  localparam BITS = X_BITS + 1;            // of one product
  localparam [X_BITS-1:0] FLIP = (X_SIGNED != 0) ? ~({X_BITS{1'b1}} >> 1) : {X_BITS{1'b0}};

  wire [SIMD*BITS-1:0] u;
  wire [     SIMD-1:0] invert;

  genvar i;
  generate
    for (i = 0; i < SIMD; i = i + 1) begin : g_lane
      wire [X_BITS-1:0] value = x[i*X_BITS+:X_BITS] ^ FLIP;
      assign u[i*BITS+:BITS] = w[2*i] ? {value, 1'b0} : {1'b0, value};
      assign invert[i] = w[2*i+1];
    end
  endgenerate

  gated_sum #(.SIMD(SIMD), .BITS(BITS), .CHAIN(CHAIN), .FIRST(FIRST), .OUT_BITS(SUM_BITS)) u_sum (
      .clk(clk), .x(u), .gate({SIMD{1'b1}}), .invert(invert), .sum(sum)
  );

endmodule

`default_nettype wire
