// SPDX-License-Identifier: MIT OR Apache-2.0
// Dot product with sign-magnitude weights of few bits, code {sign, magnitude}: one gated sum for every magnitude bit.
// An activation counts from its least value: x, or x + 2^(X_BITS-1) when signed; a set sign adds
// the bits' complement of that instead.
`default_nettype none

module dot_dfp #(
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
    output wire [      SUM_BITS-1:0] sum   // sum of the products; latency of `gated_sum` and one more for every bit of magnitude but the first
);

  localparam PLANES     = CODE_BITS - 1;
  localparam PLANE_BITS = X_BITS + $clog2(SIMD);   // of one plane's sum
  localparam TOTAL_BITS = PLANE_BITS + PLANES;
  localparam [X_BITS-1:0] FLIP = (X_SIGNED != 0) ? ~({X_BITS{1'b1}} >> 1) : {X_BITS{1'b0}};

  wire [SIMD*X_BITS-1:0] u;
  wire [       SIMD-1:0] invert;

  genvar i, k;
  generate
    for (i = 0; i < SIMD; i = i + 1) begin : g_lane
      assign u[i*X_BITS+:X_BITS] = x[i*X_BITS+:X_BITS] ^ FLIP;
      assign invert[i] = w[(i+1)*CODE_BITS-1];
    end

    for (k = 0; k < PLANES; k = k + 1) begin : g_plane
      wire [      SIMD-1:0] gate;
      wire [PLANE_BITS-1:0] plane;
      for (i = 0; i < SIMD; i = i + 1) begin : g_gate
        assign gate[i] = w[i*CODE_BITS+k];
      end
      gated_sum #(.SIMD(SIMD), .BITS(X_BITS), .CHAIN(CHAIN), .FIRST(FIRST), .OUT_BITS(PLANE_BITS)) u_sum (
          .clk(clk), .x(u), .gate(gate), .invert(invert), .sum(plane)
      );
    end

    // The planes, weighted: each waits for the sum of those below.
    for (k = 0; k < PLANES; k = k + 1) begin : g_weigh
      // Of planes 0 .. k, at most (2^(k+1) - 1) * SIMD * (2^X_BITS - 1).
      localparam W = PLANE_BITS + k + 1;
      wire [W-1:0] total;
      if (k == 0) begin : g_lowest
        assign total = {1'b0, g_plane[0].plane};
      end else begin : g_add
        wire [PLANE_BITS-1:0] plane;
        delay #(.BITS(PLANE_BITS), .CYCLES(k - 1)) u_delay (.clk(clk), .d(g_plane[k].plane), .q(plane));
        reg  [W-1:0] total_q;
        assign total = total_q;
        always @(posedge clk) begin
          total_q[W-1:k] <= {1'b0, plane} + {1'b0, g_weigh[k-1].total[W-2:k]};
          total_q[k-1:0] <= g_weigh[k-1].total[k-1:0];
        end
      end
    end

    if (SUM_BITS > TOTAL_BITS) begin : g_extend
      assign sum = {{(SUM_BITS - TOTAL_BITS) {1'b0}}, g_weigh[PLANES-1].total};
    end else begin : g_modulo
      assign sum = g_weigh[PLANES-1].total[SUM_BITS-1:0];
      if (SUM_BITS < TOTAL_BITS) begin : g_rest
        wire unused = &{1'b0, g_weigh[PLANES-1].total[TOTAL_BITS-1:SUM_BITS]};
      end
    end
  endgenerate

endmodule

`default_nettype wire
