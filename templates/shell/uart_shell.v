// SPDX-License-Identifier: MIT OR Apache-2.0
// A network on a serial line: the bytes of its input's beats come in, those of its output's go out, and nothing else.
//
// A frame is its beats one after another, a beat its bytes with the lowest bits first. Send a frame, read its answer. A
// break (the line low through a whole byte and its stop bit) resets the network, and the next byte begins a frame.
`default_nettype none

module uart_shell #(
    parameter CYCLES    = 217,             // clock cycles of a bit: clock frequency / baud rate; at least 8
    parameter IN_BYTES  = 1,               // bytes of an input beat
    parameter IN_BEATS  = 1,               // beats of an input frame
    parameter OUT_BYTES = 1                // bytes of an output beat
) (
    input  wire                   clk,      // clock
    input  wire                   rst,      // synchronous reset
    input  wire                   rx,       // serial input, asynchronous
    output wire                   tx,       // serial output
    output wire                   overrun,  // bytes came faster than the network took them; stays set until a break
    output wire                   net_rst,  // the network's reset
    output wire                   s_valid,  // to the network
    input  wire                   s_ready,
    output wire [ 8*IN_BYTES-1:0] s_data,
    output wire                   s_last,
    input  wire                   m_valid,  // from the network
    output wire                   m_ready,
    input  wire [8*OUT_BYTES-1:0] m_data
);

  (* async_reg = "true" *) reg [1:0] rx_q;
  reg        net_rst_q;
  wire       in_valid;
  wire [7:0] in_data;
  wire       broken;
  wire       out_valid;
  wire       out_ready;
  wire [7:0] out_data;

  assign net_rst = net_rst_q;

  always @(posedge clk) begin
    rx_q      <= {rx_q[0], rx};
    net_rst_q <= rst || broken;
    if (rst) rx_q <= 2'b11;
  end

  uart_receiver #(
      .CYCLES(CYCLES)
  ) u_receiver (
      .clk(clk),
      .rst(rst),
      .line(rx_q[1]),
      .valid(in_valid),
      .data(in_data),
      .broken(broken)
  );

  bytes_to_stream #(
      .BYTES(IN_BYTES),
      .BEATS(IN_BEATS)
  ) u_gather (
      .clk(clk),
      .rst(net_rst_q),
      .s_valid(in_valid),
      .s_data(in_data),
      .m_valid(s_valid),
      .m_ready(s_ready),
      .m_data(s_data),
      .m_last(s_last),
      .overrun(overrun)
  );

  stream_to_bytes #(
      .BYTES(OUT_BYTES)
  ) u_scatter (
      .clk(clk),
      .rst(net_rst_q),
      .s_valid(m_valid),
      .s_ready(m_ready),
      .s_data(m_data),
      .m_valid(out_valid),
      .m_ready(out_ready),
      .m_data(out_data)
  );

  uart_transmitter #(
      .CYCLES(CYCLES)
  ) u_transmitter (
      .clk(clk),
      .rst(rst),
      .valid(out_valid),
      .ready(out_ready),
      .data(out_data),
      .line(tx)
  );

endmodule

`default_nettype wire
