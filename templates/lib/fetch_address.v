// SPDX-License-Identifier: MIT OR Apache-2.0
// The address of a fetch from ROM, on its way to the memory. A fetch has two registers: the memory's own and one here or in
// `fetch_data`, where the family has use for it.
`default_nettype none

module fetch_address #(
    parameter BITS = 8                     // bits of an address
) (
    input  wire            clk,            // clock
    input  wire            enable,         // registers load
    input  wire [BITS-1:0] d,              // address
    output wire [BITS-1:0] q               // the address; at once
);

  wire unused = &{1'b0, clk, enable};

  assign q = d;

endmodule

`default_nettype wire
