// SPDX-License-Identifier: MIT OR Apache-2.0
// Receives bytes, 8N1: a start bit, eight data bits with the lowest first, a stop bit; each sampled in its middle.
`default_nettype none

module uart_receiver #(
    parameter CYCLES = 217        // clock cycles of a bit: clock frequency / baud rate; at least 8
) (
    input  wire       clk,        // clock
    input  wire       rst,        // synchronous reset
    input  wire       line,       // serial input, already synchronous to clk; high when idle
    output reg        valid,      // a byte came: high for one cycle
    output reg  [7:0] data,       // that byte
    output reg        broken      // the stop bit was low: high for one cycle; a line held low does this once
);

  localparam WIDTH = $clog2(CYCLES + 1);
  localparam [WIDTH-1:0] FULL = CYCLES[WIDTH-1:0] - 1'b1;
  localparam [WIDTH-1:0] HALF = FULL >> 1;

  localparam [1:0] IDLE = 2'd0, START = 2'd1, BITS = 2'd2, STOP = 2'd3;

  reg [      1:0] state_q;
  reg [WIDTH-1:0] timer_q;
  reg [      2:0] count_q;
  reg             line_q;

  wire tick = timer_q == {WIDTH{1'b0}};

  always @(posedge clk) begin
    line_q  <= line;
    valid   <= 1'b0;
    broken  <= 1'b0;
    timer_q <= timer_q - 1'b1;
    case (state_q)
      IDLE: begin
        timer_q <= HALF;
        if (line_q && !line) state_q <= START;
      end
      START:
      if (tick) begin
        timer_q <= FULL;
        count_q <= 3'd0;
        state_q <= line ? IDLE : BITS;
      end
      BITS:
      if (tick) begin
        timer_q <= FULL;
        count_q <= count_q + 3'd1;
        data    <= {line, data[7:1]};
        if (count_q == 3'd7) state_q <= STOP;
      end
      default:
      if (tick) begin
        valid   <= line;
        broken  <= !line;
        state_q <= IDLE;
      end
    endcase
    if (rst) begin
      line_q  <= 1'b1;
      state_q <= IDLE;
      valid   <= 1'b0;
      broken  <= 1'b0;
    end
  end

endmodule

`default_nettype wire
