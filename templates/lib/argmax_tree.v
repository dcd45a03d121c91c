// SPDX-License-Identifier: MIT OR Apache-2.0
// Index of the greatest element of a vector per cycle; the lowest index wins a tie. Never stalls. Latency 2 for each
// level of a tree of comparisons: a register behind the comparison, one behind the choice.
`default_nettype none

module argmax_tree #(
    parameter BITS       = 8,              // bits of one element
    parameter SIGNED     = 0,              // 1: elements are two's complement
    parameter LENGTH     = 10,             // elements of one vector
    parameter INDEX_BITS = 4               // bits of the index
) (
    input  wire                   clk,     // clock
    input  wire                   rst,     // synchronous reset, active high
    input  wire                   s_valid, // input beat
    input  wire [LENGTH*BITS-1:0] s_data,  // a vector
    output wire                   m_valid, // output beat
    output wire [ INDEX_BITS-1:0] m_data   // index of the greatest element
);

  localparam LEVELS = $clog2(LENGTH);
  localparam [BITS-1:0] OFFSET = (SIGNED != 0) ? ~({BITS{1'b1}} >> 1) : {BITS{1'b0}};

  genvar level, e;
  generate
    for (level = 0; level <= LEVELS; level = level + 1) begin : g_level
      localparam ELEMENTS = (LENGTH + (1 << level) - 1) >> level;
      wire [      ELEMENTS*BITS-1:0] values;     // the greatest of each group, top bit flipped when signed
      wire [ELEMENTS*INDEX_BITS-1:0] indices;    // ... and where they are
      wire                           valid;

      if (level == 0) begin : g_elements
        assign valid = s_valid;
        for (e = 0; e < ELEMENTS; e = e + 1) begin : g_element
          localparam [31:0] INDEX = e;
          assign values[e*BITS+:BITS] = s_data[e*BITS+:BITS] ^ OFFSET;
          assign indices[e*INDEX_BITS+:INDEX_BITS] = INDEX[INDEX_BITS-1:0];
        end
      end else begin : g_greater
        localparam BEFORE = (LENGTH + (1 << (level - 1)) - 1) >> (level - 1);
        wire [      BEFORE*BITS-1:0] from = g_level[level-1].values;
        wire [BEFORE*INDEX_BITS-1:0] at = g_level[level-1].indices;
        reg  [                  1:0] valid_q;

        assign valid = valid_q[1];
        always @(posedge clk) begin
          valid_q <= {valid_q[0], g_level[level-1].valid};
          if (rst) valid_q <= 2'b00;
        end

        for (e = 0; e < ELEMENTS; e = e + 1) begin : g_element
          reg  [      BITS-1:0] value_q;
          reg  [INDEX_BITS-1:0] index_q;
          reg  [      BITS-1:0] first_q;
          reg  [INDEX_BITS-1:0] first_index_q;

          assign values[e*BITS+:BITS] = value_q;
          assign indices[e*INDEX_BITS+:INDEX_BITS] = index_q;
          always @(posedge clk) begin
            first_q       <= from[2*e*BITS+:BITS];
            first_index_q <= at[2*e*INDEX_BITS+:INDEX_BITS];
          end

          if (2 * e + 1 < BEFORE) begin : g_two
            reg                  second_wins_q;
            reg [      BITS-1:0] second_q;
            reg [INDEX_BITS-1:0] second_index_q;

            // Written as a difference, whose sign is one carry chain; Yosys spends twice as much on a comparison.
            wire [BITS:0] lead = {1'b0, from[2*e*BITS+:BITS]} - {1'b0, from[(2*e+1)*BITS+:BITS]};
            wire unused = &{1'b0, lead[BITS-1:0]};

            always @(posedge clk) begin
              second_wins_q  <= lead[BITS];
              second_q       <= from[(2*e+1)*BITS+:BITS];
              second_index_q <= at[(2*e+1)*INDEX_BITS+:INDEX_BITS];
              value_q        <= second_wins_q ? second_q : first_q;
              index_q        <= second_wins_q ? second_index_q : first_index_q;
            end
          end else begin : g_one
            always @(posedge clk) begin
              value_q <= first_q;
              index_q <= first_index_q;
            end
          end
        end
      end
    end
  endgenerate

  assign m_valid = g_level[LEVELS].valid;
  assign m_data  = g_level[LEVELS].indices;

  wire unused = &{1'b0, clk, rst, g_level[LEVELS].values};

endmodule

`default_nettype wire
