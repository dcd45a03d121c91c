// SPDX-License-Identifier: MIT OR Apache-2.0
// A network behind an SPI slave, mode 0. The first byte of a transaction says what the others are:
//   1  write: every byte goes into the network, as the next of its input beats.
//   2  read: from the second byte on, pairs come out: a status, then a value. Status bit 0: the value is one of
//      the network's (else there was none waiting); bit 1: overrun; bit 2: the network's frame_error.
//   3  reset: the network and both flags; the next byte written begins a frame.
// A frame is its beats one after another, a beat its bytes with the lowest bits first.
`default_nettype none

module spi_shell #(
    parameter IN_BYTES  = 1,                // bytes of an input beat
    parameter IN_BEATS  = 1,                // beats of an input frame
    parameter OUT_BYTES = 1                 // bytes of an output beat
) (
    input  wire                   clk,      // clock, at least eight times as fast as sck
    input  wire                   rst,      // synchronous reset
    input  wire                   sck,      // asynchronous
    input  wire                   cs_n,
    input  wire                   mosi,
    output wire                   miso,
    input  wire                   error,    // the network's frame_error
    output wire                   overrun,  // bytes came faster than the network took them; stays set until a reset
    output wire                   net_rst,  // the network's reset
    output wire                   s_valid,  // to the network
    input  wire                   s_ready,
    output wire [ 8*IN_BYTES-1:0] s_data,
    output wire                   s_last,
    input  wire                   m_valid,  // from the network
    output wire                   m_ready,
    input  wire [8*OUT_BYTES-1:0] m_data
);

  localparam [7:0] WRITE = 8'd1, READ = 8'd2, RESET = 8'd3;
  localparam [1:0] COMMAND = 2'd0, WRITING = 2'd1, STATUS = 2'd2, VALUE = 2'd3;

  reg  [1:0] state_q;
  reg        waiting_q;
  reg        net_rst_q;
  wire       selected;
  wire       in_valid;
  wire [7:0] in_data;
  wire       load;
  wire       out_valid;
  wire [7:0] out_data;

  wire [7:0] send = state_q == STATUS ? {5'd0, error, overrun, out_valid} : state_q == VALUE ? out_data : 8'd0;

  assign net_rst = net_rst_q;

  always @(posedge clk) begin
    net_rst_q <= rst;
    if (!selected) begin
      state_q <= COMMAND;
    end else if (state_q == COMMAND) begin
      if (in_valid) begin
        if (in_data == WRITE) state_q <= WRITING;
        if (in_data == READ) state_q <= STATUS;
        if (in_data == RESET) net_rst_q <= 1'b1;
      end
    end else if (load) begin
      if (state_q == STATUS) begin
        waiting_q <= out_valid;
        state_q   <= VALUE;
      end
      if (state_q == VALUE) state_q <= STATUS;
    end
    if (rst) state_q <= COMMAND;
  end

  spi_slave u_slave (
      .clk(clk),
      .rst(rst),
      .sck(sck),
      .cs_n(cs_n),
      .mosi(mosi),
      .miso(miso),
      .selected(selected),
      .valid(in_valid),
      .data(in_data),
      .load(load),
      .send(send)
  );

  bytes_to_stream #(
      .BYTES(IN_BYTES),
      .BEATS(IN_BEATS)
  ) u_gather (
      .clk(clk),
      .rst(net_rst_q),
      .s_valid(in_valid && state_q == WRITING),
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
      .m_ready(load && state_q == VALUE && waiting_q),
      .m_data(out_data)
  );

endmodule

`default_nettype wire
