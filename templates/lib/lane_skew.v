// SPDX-License-Identifier: MIT OR Apache-2.0
// Delays lanes as the chains of `gated_sum` want them.
`default_nettype none

module lane_skew #(
    parameter LANES = 8,                   // lanes
    parameter BITS  = 8,                   // bits of one lane
    parameter CHAIN = 4,                   // lanes of a chain
    parameter FIRST = 0                    // 1: slot 0 has a register of its own
) (
    input  wire                  clk,      // clock
    input  wire [LANES*BITS-1:0] x,        // lanes, lane 0 lowest
    output wire [LANES*BITS-1:0] y         // the same, skewed
);

  genvar i;
  generate
    for (i = 0; i < LANES; i = i + 1) begin : g_lane
      localparam SLOT = i % CHAIN;
      delay #(.BITS(BITS), .CYCLES((FIRST != 0) ? SLOT : (SLOT > 1) ? SLOT - 1 : 0)) u_delay (
          .clk(clk), .d(x[i*BITS+:BITS]), .q(y[i*BITS+:BITS])
      );
    end
  endgenerate

endmodule

`default_nettype wire
