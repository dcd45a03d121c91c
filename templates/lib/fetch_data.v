// SPDX-License-Identifier: MIT OR Apache-2.0
// The word of a fetch from ROM, on its way from the memory (`fetch_address`).
`default_nettype none

module fetch_data #(
    parameter BITS  = 8,                   // bits of a word
    parameter AHEAD = 0                    // 1: the register is in `fetch_address`
) (
    input  wire            clk,            // clock
    input  wire            enable,         // registers load
    input  wire [BITS-1:0] d,              // word
    output wire [BITS-1:0] q               // the word; one enabled cycle later, or at once
);

  generate
    if (AHEAD != 0) begin : g_ahead
      wire unused = &{1'b0, clk, enable};
      assign q = d;
    end else begin : g_behind
      reg [BITS-1:0] data_q;
      assign q = data_q;
      always @(posedge clk) if (enable) data_q <= d;
    end
  endgenerate

endmodule

`default_nettype wire
