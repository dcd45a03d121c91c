// SPDX-License-Identifier: MIT OR Apache-2.0
// One of COUNT words. Combinational.
`default_nettype none

module element_select #(
    parameter WIDTH = 8,                   // bits of one word
    parameter COUNT = 4                    // words
) (
    input  wire [COUNT*WIDTH-1:0]                         words, // words, the first lowest
    input  wire [((COUNT > 1) ? $clog2(COUNT) : 1) - 1:0] index, // which
    output wire [WIDTH-1:0]                               word   // words[index]; beyond the last: the last
);

  localparam BITS  = (COUNT > 1) ? $clog2(COUNT) : 1;
  localparam SLOTS = 1 << BITS;

  genvar level, i;
  generate
    for (level = 0; level <= BITS; level = level + 1) begin : g_level
      localparam NODES = SLOTS >> level;
      wire [NODES*WIDTH-1:0] node;
      for (i = 0; i < NODES; i = i + 1) begin : g_node
        if (level == 0) begin : g_word
          localparam FROM = (i < COUNT) ? i : COUNT - 1;
          assign node[i*WIDTH+:WIDTH] = words[FROM*WIDTH+:WIDTH];
        end else begin : g_choose
          assign node[i*WIDTH+:WIDTH] = index[level-1] ?
              g_level[level-1].node[(2*i+1)*WIDTH+:WIDTH] : g_level[level-1].node[2*i*WIDTH+:WIDTH];
        end
      end
    end
    assign word = g_level[BITS].node;
  endgenerate

endmodule

`default_nettype wire
