// SPDX-License-Identifier: MIT OR Apache-2.0
// Dot product with power-of-two weights, code {sign, shift}, all ones in shift for 0. An activation counts from its least value: x, or x + 2^(X_BITS-1) when signed;
// it is shifted, and a negative weight adds the complement of all bits that a product may have.
`default_nettype none

module dot_po2 #(
    parameter SIMD      = 8,               // lanes
    parameter X_BITS    = 8,               // bits of one activation
    parameter X_SIGNED  = 0,               // 1: activations are two's complement
    parameter CODE_BITS = 4,               // bits of one weight code
    parameter CHAIN     = 4,               // lanes of a chain
    parameter FIRST     = 0,               // 1: its first has a register of its own
    parameter SUM_BITS  = 20               // bits of the sum; the sum is modulo 2^SUM_BITS
) (
    input  wire                      clk,  // clock
    input  wire [   SIMD*X_BITS-1:0] x,    // activations, lane 0 lowest; skewed
    input  wire [SIMD*CODE_BITS-1:0] w,    // weight codes, lane 0 lowest; skewed
    output wire [      SUM_BITS-1:0] sum   // sum of the products; latency of `gated_sum` and one more
);

  localparam SHIFT_BITS = CODE_BITS - 1;
  localparam MAX_SHIFT  = (1 << SHIFT_BITS) - 2;
  localparam BITS       = X_BITS + MAX_SHIFT;      // of one product
  localparam [X_BITS-1:0] FLIP = (X_SIGNED != 0) ? ~({X_BITS{1'b1}} >> 1) : {X_BITS{1'b0}};

  wire [SIMD*BITS-1:0] u;
  wire [     SIMD-1:0] gate;
  wire [     SIMD-1:0] invert;

  genvar i;
  generate
    for (i = 0; i < SIMD; i = i + 1) begin : g_lane
      wire [    X_BITS-1:0] value = x[i*X_BITS+:X_BITS] ^ FLIP;
      wire [SHIFT_BITS-1:0] shift = w[i*CODE_BITS+:SHIFT_BITS];
      wire [      BITS-1:0] wide = {{MAX_SHIFT{1'b0}}, value} << shift;
      reg  [      BITS-1:0] shifted_q;
      reg                   gate_q;
      reg                   invert_q;

      always @(posedge clk) begin
        shifted_q <= wide;
        gate_q    <= !(&shift);
        invert_q  <= w[(i+1)*CODE_BITS-1];
      end
      assign u[i*BITS+:BITS] = shifted_q;
      assign gate[i]   = gate_q;
      assign invert[i] = invert_q;
    end
  endgenerate

  gated_sum #(.SIMD(SIMD), .BITS(BITS), .CHAIN(CHAIN), .FIRST(FIRST), .OUT_BITS(SUM_BITS)) u_sum (
      .clk(clk), .x(u), .gate(gate), .invert(invert), .sum(sum)
  );

endmodule

`default_nettype wire
