// SPDX-License-Identifier: MIT OR Apache-2.0
// Sum of unsigned values, each added, added inverted, or left out: chains of lanes, then a tree over the chains. Lane i
// is slot i % CHAIN of its chain. Slot k comes k cycles after slot 0 where slot 0 has a register of its own, else k - 1:
// then slots 0 and 1 come together (`lane_skew`).
`default_nettype none

module gated_sum #(
    parameter SIMD     = 8,                // lanes
    parameter BITS     = 8,                // bits of one value
    parameter CHAIN    = 4,                // lanes of a chain
    parameter FIRST    = 0,                // 1: slot 0 has a register of its own
    parameter OUT_BITS = 20                // bits of the sum; zero-extended, or modulo 2^OUT_BITS
) (
    input  wire                 clk,       // clock
    input  wire [SIMD*BITS-1:0] x,         // values, lane 0 lowest
    input  wire [     SIMD-1:0] gate,      // 0: the value is left out
    input  wire [     SIMD-1:0] invert,    // 1: its complement is added
    output wire [ OUT_BITS-1:0] sum        // FIRST + max(1, min(SIMD, CHAIN) - 1) + ceil(log2(chains)) cycles after slots 0
);

  localparam CHAINS   = (SIMD + CHAIN - 1) / CHAIN;
  localparam LENGTH   = (SIMD < CHAIN) ? SIMD : CHAIN;
  localparam SUM_BITS = BITS + $clog2(LENGTH);
  localparam LAST     = (LENGTH > 1) ? LENGTH - 1 : 1;       // registers of a chain

  wire [CHAINS*SUM_BITS-1:0] total;

  genvar c, k;
  generate
    for (c = 0; c < CHAINS; c = c + 1) begin : g_chain
      localparam LOWEST = c * CHAIN;
      wire [BITS-1:0] start;

      delay #(.BITS(BITS), .CYCLES((FIRST != 0) ? 1 : 0)) u_start (
          .clk(clk), .d((x[LOWEST*BITS+:BITS] ^ {BITS{invert[LOWEST]}}) & {BITS{gate[LOWEST]}}), .q(start)
      );

      for (k = 1; k <= LAST; k = k + 1) begin : g_slot
        localparam LANE   = LOWEST + k;
        localparam BEFORE = BITS + ((k > 1) ? $clog2(k) : 0);
        localparam AFTER  = (LENGTH == 1) ? BITS : BITS + $clog2(k + 1);
        wire [BEFORE-1:0] a;
        wire [ AFTER-1:0] sum_d;
        reg  [ AFTER-1:0] sum_q;

        if (k == 1) begin : g_first
          assign a = start;
        end else begin : g_next
          assign a = g_slot[k-1].sum_q;
        end
        if (LANE < SIMD && k < LENGTH) begin : g_lane
          gated_add #(.A_BITS(BEFORE), .B_BITS(BITS), .SUM_BITS(AFTER)) u_add (
              .a(a), .b(x[LANE*BITS+:BITS]), .gate(gate[LANE]), .invert(invert[LANE]), .sum(sum_d)
          );
        end else if (AFTER > BEFORE) begin : g_extend
          assign sum_d = {{(AFTER - BEFORE) {1'b0}}, a};
        end else begin : g_same
          assign sum_d = a;
        end
        always @(posedge clk) sum_q <= sum_d;
      end

      assign total[c*SUM_BITS+:SUM_BITS] = g_slot[LAST].sum_q;
    end

    if (CHAINS > 1) begin : g_tree
      adder_tree #(.LANES(CHAINS), .BITS(SUM_BITS), .SIGNED(0), .OUT_BITS(OUT_BITS)) u_tree (
          .clk(clk), .x(total), .sum(sum)
      );
    end else if (OUT_BITS > SUM_BITS) begin : g_extend
      assign sum = {{(OUT_BITS - SUM_BITS) {1'b0}}, total};
    end else begin : g_modulo
      assign sum = total[OUT_BITS-1:0];
      if (OUT_BITS < SUM_BITS) begin : g_rest
        wire unused = &{1'b0, total[SUM_BITS-1:OUT_BITS]};
      end
    end
  endgenerate

endmodule

`default_nettype wire
