// SPDX-License-Identifier: MIT OR Apache-2.0
// Frames of three 16-bit beats over SPI, polled; a reset in mid-frame; the error and overrun flags.
`timescale 1ns / 1ps
`default_nettype none

module shell_tb;

  reg clk = 1'b0;
  reg rst = 1'b1;
  reg sck = 1'b0;
  reg cs_n = 1'b1;
  reg mosi = 1'b0;
  reg error = 1'b0;
  reg stall = 1'b0;
  integer faults = 0;

  always #5 clk = !clk;

  wire miso, overrun, net_rst, s_valid, s_ready, s_last, m_valid, m_ready;
  wire [15:0] s_data, m_data;

  spi_shell #(
      .IN_BYTES(2),
      .IN_BEATS(3),
      .OUT_BYTES(2)
  ) dut (
      .clk(clk), .rst(rst), .sck(sck), .cs_n(cs_n), .mosi(mosi), .miso(miso), .error(error), .overrun(overrun),
      .net_rst(net_rst), .s_valid(s_valid), .s_ready(s_ready), .s_data(s_data), .s_last(s_last),
      .m_valid(m_valid), .m_ready(m_ready), .m_data(m_data)
  );

  frame_sum core (
      .clk(clk), .rst(net_rst), .stall(stall),
      .s_valid(s_valid), .s_ready(s_ready), .s_data(s_data), .s_last(s_last),
      .m_valid(m_valid), .m_ready(m_ready), .m_data(m_data)
  );

  // One byte each way; sck at an eighth of clk, and not in step with it.
  reg [7:0] got;
  task exchange(input [7:0] value);
    integer index;
    begin
      for (index = 7; index >= 0; index = index - 1) begin
        mosi = value[index];
        #41 sck = 1'b1;
        got[index] = miso;
        #41 sck = 1'b0;
      end
    end
  endtask

  task select(input [7:0] command);
    begin
      #83 cs_n = 1'b0;
      #83 exchange(command);
    end
  endtask

  task deselect;
    begin
      #83 cs_n = 1'b1;
      #83;
    end
  endtask

  task word(input [15:0] value);
    begin
      exchange(value[7:0]);
      exchange(value[15:8]);
    end
  endtask

  task expect_pair(input [7:0] status, input [7:0] value);
    begin
      exchange(8'd0);
      if (got !== status) begin
        $display("status %h, expected %h", got, status);
        faults = faults + 1;
      end
      exchange(8'd0);
      if (status[0] && got !== value) begin
        $display("value %h, expected %h", got, value);
        faults = faults + 1;
      end
    end
  endtask

  initial begin
    #100 rst = 1'b0;
    select(8'd2);
    expect_pair(8'd0, 8'd0);
    deselect;
    select(8'd1);
    word(16'h0102);
    word(16'h0304);
    deselect;
    // A frame may be written in several transactions.
    select(8'd1);
    word(16'h0506);
    deselect;
    select(8'd2);
    expect_pair(8'd1, 8'h0c);
    expect_pair(8'd1, 8'h09);
    expect_pair(8'd0, 8'd0);
    deselect;
    select(8'd1);
    word(16'h5555);
    exchange(8'h77);
    deselect;
    select(8'd3);
    deselect;
    error = 1'b1;
    select(8'd1);
    word(16'h1000);
    word(16'h0200);
    word(16'h0034);
    deselect;
    select(8'd2);
    expect_pair(8'd5, 8'h34);
    expect_pair(8'd5, 8'h12);
    deselect;
    stall = 1'b1;
    select(8'd1);
    word(16'h1000);
    word(16'h0200);
    deselect;
    select(8'd2);
    expect_pair(8'd6, 8'd0);
    deselect;
    if (faults == 0) $display("PASS");
    else $display("FAIL: %0d faults", faults);
    $finish;
  end

endmodule

`default_nettype wire
