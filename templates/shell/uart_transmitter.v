// SPDX-License-Identifier: MIT OR Apache-2.0
// Sends bytes, 8N1: a start bit, eight data bits with the lowest first, a stop bit.
`default_nettype none

module uart_transmitter #(
    parameter CYCLES = 217        // clock cycles of a bit: clock frequency / baud rate
) (
    input  wire       clk,        // clock
    input  wire       rst,        // synchronous reset
    input  wire       valid,      // a byte is offered
    output wire       ready,      // and taken
    input  wire [7:0] data,       // the byte
    output wire       line        // serial output; high when idle
);

  localparam WIDTH = $clog2(CYCLES + 1);
  localparam [WIDTH-1:0] FULL = CYCLES[WIDTH-1:0] - 1'b1;

  reg [      3:0] count_q;
  reg [WIDTH-1:0] timer_q;
  reg [      8:0] shift_q;

  assign ready = count_q == 4'd0;
  assign line  = shift_q[0];

  always @(posedge clk) begin
    if (ready) begin
      timer_q <= FULL;
      if (valid) begin
        shift_q <= {data, 1'b0};
        count_q <= 4'd10;
      end
    end else if (timer_q == {WIDTH{1'b0}}) begin
      timer_q <= FULL;
      shift_q <= {1'b1, shift_q[8:1]};
      count_q <= count_q - 4'd1;
    end else begin
      timer_q <= timer_q - 1'b1;
    end
    if (rst) begin
      shift_q <= 9'h1ff;
      count_q <= 4'd0;
    end
  end

endmodule

`default_nettype wire
