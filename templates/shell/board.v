// {= network =} on the board {= board =}, spoken to over {= link =}.
// Generated; the pins are in {= constraints =}.
`default_nettype none

module {= module =} (
    input  wire clk,       // the board's oscillator, {= clock_mhz =} MHz
{%- if uart %}
    input  wire uart_rx,   // 8N1, {= baud =} baud: an input beat is {= in_bytes =} bytes, a frame {= in_beats =} beats
    output wire uart_tx,   // an output beat is {= out_bytes =} bytes, a frame {= out_beats =} beats
{%- else %}
    input  wire spi_sck,   // mode 0, at most {= sck_mhz =} MHz
    input  wire spi_cs_n,
    input  wire spi_mosi,  // an input beat is {= in_bytes =} bytes, a frame {= in_beats =} beats
    output wire spi_miso,  // an output beat is {= out_bytes =} bytes, a frame {= out_beats =} beats
{%- endif %}
    output wire led        // lights when bytes were lost or a frame had the wrong length
);

  wire rst, net_rst, overrun, frame_error;
  wire s_valid, s_ready, s_last, m_valid, m_ready;
  wire [{= in_bytes * 8 - 1 =}:0] s_data;
  wire [{= out_bytes * 8 - 1 =}:0] m_data;

  assign led = {% if led_active_low %}!{% endif %}(overrun || frame_error);

  power_on_reset u_reset (
      .clk(clk),
      .rst(rst)
  );
{% if uart %}
  uart_shell #(
      .CYCLES({= cycles =}),
{%- else %}
  spi_shell #(
{%- endif %}
      .IN_BYTES({= in_bytes =}),
      .IN_BEATS({= in_beats =}),
      .OUT_BYTES({= out_bytes =})
  ) u_shell (
      .clk(clk),
      .rst(rst),
{%- if uart %}
      .rx(uart_rx),
      .tx(uart_tx),
{%- else %}
      .sck(spi_sck),
      .cs_n(spi_cs_n),
      .mosi(spi_mosi),
      .miso(spi_miso),
      .error(frame_error),
{%- endif %}
      .overrun(overrun),
      .net_rst(net_rst),
      .s_valid(s_valid),
      .s_ready(s_ready),
      .s_data(s_data),
      .s_last(s_last),
      .m_valid(m_valid),
      .m_ready(m_ready),
      .m_data(m_data)
  );

  {= network =} u_network (
      .clk(clk),
      .rst(net_rst),
      .s_axis_tdata(s_data),
      .s_axis_tvalid(s_valid),
      .s_axis_tready(s_ready),
      .s_axis_tlast(s_last),
      .m_axis_tdata(m_data),
      .m_axis_tvalid(m_valid),
      .m_axis_tready(m_ready),
      .m_axis_tlast(),
      .frame_error(frame_error)
  );

endmodule

`default_nettype wire
