// SPDX-License-Identifier: MIT OR Apache-2.0
// `fetch_data` without its register, which is in `fetch_address`.
`default_nettype none

module fetch_data #(
    parameter BITS  = 8,
    parameter AHEAD = 0
) (
    input  wire            clk,
    input  wire            enable,
    input  wire [BITS-1:0] d,
    output wire [BITS-1:0] q
);

  wire unused = &{1'b0, clk, enable};

  assign q = d;

endmodule

`default_nettype wire
