// SPDX-License-Identifier: MIT OR Apache-2.0
// `dot_xnor` in the carry cells. A position adds two lanes, their exclusive-or included, to its carry, which is a third
// lane: three lanes make a number of two bits in two positions. Each level above adds two numbers and, as the carry in, one
// lane more. The numbers of a level lie in one chain; where a number ends, its carry is given out and the next is made.
`default_nettype none

module dot_xnor #(
    parameter SIMD      = 8,
    parameter CODE_BITS = 1,
    parameter SUM_BITS  = 20
) (
    input  wire                      clk,
    input  wire [          SIMD-1:0] x,
    input  wire [SIMD*CODE_BITS-1:0] w,
    output wire [      SUM_BITS-1:0] sum
);

  // Lanes that so many numbers of the first level can take, themselves and the levels up to the one that adds the last two.
  function integer room(input integer numbers);
    integer n;
    begin
      room = 3 * numbers;
      for (n = numbers; n > 1; n = (n + 1) / 2) room = room + (n + 1) / 2;
    end
  endfunction

  // The least numbers that do, where one lane more may come last.
  function integer least(input integer lanes);
    begin
      least = 1;
      while (room(least) + 1 < lanes) least = least + 1;
    end
  endfunction

  // Numbers of a level.
  function integer nodes(input integer numbers, input integer level);
    nodes = (numbers + (1 << (level - 1)) - 1) >> (level - 1);
  endfunction

  // Lanes that are taken below a level.
  function integer taken(input integer numbers, input integer level);
    integer l;
    begin
      taken = (level > 1) ? 3 * numbers : 0;
      for (l = 2; l < level; l = l + 1) taken = taken + nodes(numbers, l);
    end
  endfunction

  localparam NUMBERS = least(SIMD);
  localparam LEVELS  = $clog2(NUMBERS) + 1 + ((room(NUMBERS) < SIMD) ? 1 : 0);
  localparam LANES   = room(NUMBERS) + 1;
  localparam CYCLES  = (SIMD > 1) ? $clog2(SIMD) : 1;
  localparam WIDTH   = LEVELS + 1;                 // bits of the last number
  // INIT[3:0] is the carry that a position makes where it does not pass one on: A ^ B, or A & B.
  localparam [15:0] MAKE = 16'h0006;               // at C = D = 1: gives the carry out, and makes A ^ B the next
  localparam [15:0] BOTH = 16'h6996;               // A ^ B and C ^ D and the carry
  localparam [15:0] PLUS = 16'h6008;               // at C = D = 1: A and B and the carry

  wire [LANES-1:0] a;
  wire [LANES-1:0] b;

  genvar i, level;
  generate
    for (i = 0; i < LANES; i = i + 1) begin : g_lane
      if (i >= SIMD) begin : g_none
        assign a[i] = 1'b0;
        assign b[i] = 1'b0;
      end else if (CODE_BITS == 1) begin : g_binary
        assign a[i] = x[i];
        assign b[i] = w[i];
      end else begin : g_ternary
        assign a[i] = w[2*i] & ~(x[i] ^ w[2*i+1]);
        assign b[i] = 1'b0;
      end
    end

    for (level = 1; level <= LEVELS; level = level + 1) begin : g_level
      localparam NODES     = nodes(NUMBERS, level);
      localparam SPAN      = level + 1;            // positions of a number: its carry in, and what is added
      localparam POSITIONS = NODES * SPAN + 1;
      localparam PAIRS     = (POSITIONS + 1) / 2;
      localparam BELOW     = (level == 1) ? 0 : nodes(NUMBERS, level - 1);
      localparam LANE      = taken(NUMBERS, level);                            // the level's first
      localparam TAKEN     = (level == 1) ? 3 * NODES : NODES;
      wire [NODES*(level+1)-1:0] total;            // before the register
      wire [NODES*(level+1)-1:0] node;             // after it
      wire [        2*PAIRS-1:0] pa, pb, pc, pd, s;
      wire [          PAIRS-1:0] carry;
      wire [          TAKEN-1:0] lane_a, lane_b;

      delay #(.BITS(2 * TAKEN), .CYCLES(level - 1)) u_lanes (
          .clk(clk), .d({b[LANE+:TAKEN], a[LANE+:TAKEN]}), .q({lane_b, lane_a})
      );

      for (i = 0; i < 2 * PAIRS; i = i + 1) begin : g_position
        localparam NODE  = i / SPAN;
        localparam PLACE = i % SPAN;
        if (PLACE == 0) begin : g_make
          if (NODE < NODES) begin : g_next
            assign pa[i] = lane_a[(level == 1) ? 3 * NODE : NODE];
            assign pb[i] = lane_b[(level == 1) ? 3 * NODE : NODE];
          end else begin : g_out
            assign pa[i] = 1'b0;
            assign pb[i] = 1'b0;
          end
          assign pc[i] = 1'b1;
          assign pd[i] = 1'b1;
          if (NODE > 0) begin : g_carry
            assign total[(NODE-1)*(level+1)+level] = s[i];
          end
        end else if (NODE >= NODES) begin : g_none
          assign {pa[i], pb[i], pc[i], pd[i]} = 4'b0000;
        end else begin : g_add
          assign total[NODE*(level+1)+PLACE-1] = s[i];
          if (level == 1) begin : g_lanes
            assign pa[i] = lane_a[3*NODE+1];
            assign pb[i] = lane_b[3*NODE+1];
            assign pc[i] = lane_a[3*NODE+2];
            assign pd[i] = lane_b[3*NODE+2];
          end else begin : g_numbers
            assign pa[i] = g_level[level-1].node[2*NODE*level+PLACE-1];
            if (2 * NODE + 1 < BELOW) begin : g_two
              assign pb[i] = g_level[level-1].node[(2*NODE+1)*level+PLACE-1];
            end else begin : g_one
              assign pb[i] = 1'b0;
            end
            assign pc[i] = 1'b1;
            assign pd[i] = 1'b1;
          end
        end
      end

      for (i = 0; i < PAIRS; i = i + 1) begin : g_pair
        wire carry_in;
        if (i == 0) begin : g_first
          assign carry_in = 1'bx;                  // the first position makes a carry, whatever comes
        end else begin : g_next
          assign carry_in = carry[i-1];
        end
        CCU2C #(
            .INIT0((2 * i % SPAN == 0) ? MAKE : (level == 1) ? BOTH : PLUS),
            .INIT1(((2 * i + 1) % SPAN == 0) ? MAKE : (level == 1) ? BOTH : PLUS),
            .INJECT1_0("NO"), .INJECT1_1("NO")
        ) u_cell (
            .CIN(carry_in), .COUT(carry[i]),
            .A0(pa[2*i]), .B0(pb[2*i]), .C0(pc[2*i]), .D0(pd[2*i]), .S0(s[2*i]),
            .A1(pa[2*i+1]), .B1(pb[2*i+1]), .C1(pc[2*i+1]), .D1(pd[2*i+1]), .S1(s[2*i+1])
        );
      end

      delay #(.BITS(NODES * (level + 1)), .CYCLES(1)) u_node (
          .clk(clk), .d(total), .q(node)
      );
    end

    if (SUM_BITS > WIDTH) begin : g_extend
      delay #(.BITS(SUM_BITS), .CYCLES(CYCLES - LEVELS)) u_sum (
          .clk(clk), .d({{(SUM_BITS - WIDTH) {1'b0}}, g_level[LEVELS].node}), .q(sum)
      );
    end else begin : g_modulo
      delay #(.BITS(SUM_BITS), .CYCLES(CYCLES - LEVELS)) u_sum (
          .clk(clk), .d(g_level[LEVELS].node[SUM_BITS-1:0]), .q(sum)
      );
    end
  endgenerate

endmodule

`default_nettype wire
