// SPDX-License-Identifier: MIT OR Apache-2.0
// Sum of LANES numbers by a tree of adders, a register behind each; one lane alone is registered once. Latency max(1,
// ceil(log2(LANES))) cycles.
`default_nettype none

module adder_tree #(
    parameter LANES    = 8,                // numbers to add
    parameter BITS     = 9,                // bits of one number
    parameter SIGNED   = 1,                // 1: numbers are two's complement
    parameter OUT_BITS = 12                // bits of the sum; sign- or zero-extended, or modulo 2^OUT_BITS
) (
    input  wire                  clk,      // clock
    input  wire [LANES*BITS-1:0] x,        // numbers, the first lowest
    output wire [  OUT_BITS-1:0] sum       // their sum
);

  localparam LEVELS = (LANES > 1) ? $clog2(LANES) : 0;
  localparam WIDTH  = (BITS + LEVELS < OUT_BITS) ? BITS + LEVELS : OUT_BITS;    // of the last level

  genvar level, i;
  generate
    for (level = 0; level <= LEVELS; level = level + 1) begin : g_level
      localparam NODES = (LANES + (1 << level) - 1) >> level;
      localparam W     = (BITS + level < OUT_BITS) ? BITS + level : OUT_BITS;
      wire [NODES*W-1:0] total;            // before the register
      wire [NODES*W-1:0] node;             // after it

      if (level == 0) begin : g_input
        for (i = 0; i < NODES; i = i + 1) begin : g_node
          assign total[i*W+:W] = x[i*BITS+:W];
        end
        if (BITS > OUT_BITS) begin : g_modulo
          wire unused = &{1'b0, x};
        end
      end else begin : g_add
        localparam BELOW   = (LANES + (1 << (level - 1)) - 1) >> (level - 1);
        localparam W_BELOW = (BITS + level - 1 < OUT_BITS) ? BITS + level - 1 : OUT_BITS;
        for (i = 0; i < NODES; i = i + 1) begin : g_node
          wire [W-1:0] left;
          wire [W-1:0] right;
          if (W > W_BELOW) begin : g_extend
            wire sign_left = (SIGNED != 0) && g_level[level-1].node[(2*i+1)*W_BELOW-1];
            assign left = {sign_left, g_level[level-1].node[2*i*W_BELOW+:W_BELOW]};
            if (2 * i + 1 < BELOW) begin : g_pair
              wire sign_right = (SIGNED != 0) && g_level[level-1].node[(2*i+2)*W_BELOW-1];
              assign right = {sign_right, g_level[level-1].node[(2*i+1)*W_BELOW+:W_BELOW]};
            end else begin : g_odd
              assign right = {W{1'b0}};
            end
          end else begin : g_modulo
            assign left = g_level[level-1].node[2*i*W+:W];
            if (2 * i + 1 < BELOW) begin : g_pair
              assign right = g_level[level-1].node[(2*i+1)*W+:W];
            end else begin : g_odd
              assign right = {W{1'b0}};
            end
          end
          assign total[i*W+:W] = left + right;
        end
      end

      if (level > 0 || LEVELS == 0) begin : g_register
        reg [NODES*W-1:0] node_q;
        always @(posedge clk) node_q <= total;
        assign node = node_q;
      end else begin : g_wire
        assign node = total;
      end
    end

    if (OUT_BITS > WIDTH) begin : g_extend
      wire sign = (SIGNED != 0) && g_level[LEVELS].node[WIDTH-1];
      assign sum = {{(OUT_BITS - WIDTH) {sign}}, g_level[LEVELS].node};
    end else begin : g_same
      assign sum = g_level[LEVELS].node;
    end
  endgenerate

endmodule

`default_nettype wire
