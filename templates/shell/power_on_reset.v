// SPDX-License-Identifier: MIT OR Apache-2.0
// A reset that lasts sixteen cycles from configuration: the boards' buttons are not needed.
`default_nettype none

module power_on_reset (
    input  wire clk,  // clock
    output wire rst   // synchronous, active high
);

  reg [4:0] count_q;
  initial count_q = 5'd0;

  assign rst = !count_q[4];

  always @(posedge clk) if (rst) count_q <= count_q + 5'd1;

endmodule

`default_nettype wire
