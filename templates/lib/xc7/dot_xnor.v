// SPDX-License-Identifier: MIT OR Apache-2.0
// `dot_xnor` whose tables count three binary or two ternary lanes at once.
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

  localparam GROUP   = (CODE_BITS == 1) ? 3 : 2;
  localparam GROUPS  = (SIMD + GROUP - 1) / GROUP;
  localparam LATENCY = (SIMD > 1) ? $clog2(SIMD) : 1;
  localparam LEVELS  = 1 + ((GROUPS > 1) ? $clog2(GROUPS) : 0);
  localparam WIDTH   = (1 + LEVELS < SUM_BITS) ? 1 + LEVELS : SUM_BITS;

  wire [GROUP*GROUPS-1:0] agree;           // lanes, and none beyond the last
  wire [    2*GROUPS-1:0] count;
  wire [       WIDTH-1:0] total;
  wire [       WIDTH-1:0] late;

  genvar i;
  generate
    for (i = 0; i < GROUP * GROUPS; i = i + 1) begin : g_lane
      if (i >= SIMD) begin : g_none
        assign agree[i] = 1'b0;
      end else if (CODE_BITS == 1) begin : g_binary
        assign agree[i] = x[i] ^ w[i];
      end else begin : g_ternary
        assign agree[i] = w[2*i] & ~(x[i] ^ w[2*i+1]);
      end
    end

    for (i = 0; i < GROUPS; i = i + 1) begin : g_group
      wire [GROUP-1:0] lanes = agree[i*GROUP+:GROUP];
      reg  [      1:0] count_q;
      always @(posedge clk) begin
        count_q[0] <= ^lanes;
        count_q[1] <= (GROUP == 2) ? &lanes : (lanes[0] & lanes[1]) | (lanes[GROUP-1] & (lanes[0] | lanes[1]));
      end
      assign count[2*i+:2] = count_q;
    end

    if (GROUPS > 1) begin : g_tree
      adder_tree #(.LANES(GROUPS), .BITS(2), .SIGNED(0), .OUT_BITS(WIDTH)) u_tree (
          .clk(clk), .x(count), .sum(total)
      );
    end else begin : g_group_alone
      assign total = count[WIDTH-1:0];
      wire unused = &{1'b0, count};
    end

    if (SUM_BITS > WIDTH) begin : g_extend
      assign sum = {{(SUM_BITS - WIDTH) {1'b0}}, late};
    end else begin : g_same
      assign sum = late;
    end
  endgenerate

  delay #(.BITS(WIDTH), .CYCLES(LATENCY - LEVELS)) u_late (.clk(clk), .d(total), .q(late));

endmodule

`default_nettype wire
