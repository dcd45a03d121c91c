// SPDX-License-Identifier: MIT OR Apache-2.0
// The address of a fetch from ROM, on its way to the memory. A fetch has two registers: the memory's own and one here or in
// `fetch_data`.
`default_nettype none

module fetch_address #(
    parameter BITS  = 8,                   // bits of an address
    parameter AHEAD = 0                    // 1: the register is here
) (
    input  wire            clk,            // clock
    input  wire            enable,         // registers load
    input  wire [BITS-1:0] d,              // address
    output wire [BITS-1:0] q               // the address; at once, or one enabled cycle later
);

  generate
    if (AHEAD != 0) begin : g_ahead
      reg [BITS-1:0] address_q;
      assign q = address_q;
      always @(posedge clk) if (enable) address_q <= d;
    end else begin : g_behind
      wire unused = &{1'b0, clk, enable};
      assign q = d;
    end
  endgenerate

endmodule

`default_nettype wire
