// SPDX-License-Identifier: MIT OR Apache-2.0
// `fetch_address` with the register whatever AHEAD says: the family's block RAMs have none behind them and answer fast, and
// an address has fewer bits than a word.
`default_nettype none

module fetch_address #(
    parameter BITS  = 8,
    parameter AHEAD = 0
) (
    input  wire            clk,
    input  wire            enable,
    input  wire [BITS-1:0] d,
    output wire [BITS-1:0] q
);

  reg [BITS-1:0] address_q;

  assign q = address_q;

  always @(posedge clk) if (enable) address_q <= d;

endmodule

`default_nettype wire
