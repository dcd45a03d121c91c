// SPDX-License-Identifier: MIT OR Apache-2.0
// `lane_skew` for the family's `gated_sum`, which wants all lanes at once.
`default_nettype none

module lane_skew #(
    parameter LANES = 8,
    parameter BITS  = 8,
    parameter CHAIN = 4,
    parameter FIRST = 0
) (
    input  wire                  clk,
    input  wire [LANES*BITS-1:0] x,
    output wire [LANES*BITS-1:0] y
);

  wire unused = &{1'b0, clk};

  assign y = x;

endmodule

`default_nettype wire
