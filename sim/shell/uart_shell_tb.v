// SPDX-License-Identifier: MIT OR Apache-2.0
// Frames of three 16-bit beats over the serial line; a break in mid-frame; bytes that come too fast.
`timescale 1ns / 1ps
`default_nettype none

module shell_tb;

  localparam CYCLES = 8;

  reg clk = 1'b0;
  reg rst = 1'b1;
  reg rx = 1'b1;
  reg stall = 1'b0;
  integer faults = 0;

  always #5 clk = !clk;

  wire tx, overrun, net_rst, s_valid, s_ready, s_last, m_valid, m_ready;
  wire [15:0] s_data, m_data;

  uart_shell #(
      .CYCLES(CYCLES),
      .IN_BYTES(2),
      .IN_BEATS(3),
      .OUT_BYTES(2)
  ) dut (
      .clk(clk), .rst(rst), .rx(rx), .tx(tx), .overrun(overrun), .net_rst(net_rst),
      .s_valid(s_valid), .s_ready(s_ready), .s_data(s_data), .s_last(s_last),
      .m_valid(m_valid), .m_ready(m_ready), .m_data(m_data)
  );

  frame_sum core (
      .clk(clk), .rst(net_rst), .stall(stall),
      .s_valid(s_valid), .s_ready(s_ready), .s_data(s_data), .s_last(s_last),
      .m_valid(m_valid), .m_ready(m_ready), .m_data(m_data)
  );

  // The other end of the line: every byte that tx sends.
  reg [7:0] received[0:15];
  reg [7:0] coming;
  integer count = 0;
  integer place;
  initial
    forever begin
      @(negedge tx);
      #(CYCLES * 15);
      for (place = 0; place < 8; place = place + 1) begin
        coming[place] = tx;
        #(CYCLES * 10);
      end
      if (!tx) faults = faults + 1;
      received[count] = coming;
      count = count + 1;
    end

  task send(input [7:0] value);
    integer index;
    begin
      rx = 1'b0;
      #(CYCLES * 10);
      for (index = 0; index < 8; index = index + 1) begin
        rx = value[index];
        #(CYCLES * 10);
      end
      rx = 1'b1;
      #(CYCLES * 10);
    end
  endtask

  task frame(input [15:0] a, input [15:0] b, input [15:0] c);
    begin
      send(a[7:0]);
      send(a[15:8]);
      send(b[7:0]);
      send(b[15:8]);
      send(c[7:0]);
      send(c[15:8]);
    end
  endtask

  // Each answer is two bytes, the low one first.
  task expect_answer(input integer index, input [15:0] value);
    begin
      #(CYCLES * 10 * 25);
      if (count != 2 * index + 2 || {received[2*index+1], received[2*index]} !== value) begin
        $display("answer %0d: %0d bytes, got %h %h, expected %h", index, count, received[2*index+1],
                 received[2*index], value);
        faults = faults + 1;
      end
    end
  endtask

  initial begin
    #100 rst = 1'b0;
    #200;
    frame(16'h0102, 16'h0304, 16'h0506);
    expect_answer(0, 16'h090c);
    frame(16'hff00, 16'h00ff, 16'h1001);
    expect_answer(1, 16'h1000);
    // Two beats of a frame, then a break: the next byte begins a new frame.
    send(8'h55);
    send(8'haa);
    send(8'h12);
    rx = 1'b0;
    #(CYCLES * 10 * 30) rx = 1'b1;
    #(CYCLES * 10 * 2);
    if (count != 4) faults = faults + 1;
    frame(16'h0001, 16'h0020, 16'h0300);
    expect_answer(2, 16'h0321);
    if (overrun) faults = faults + 1;
    stall = 1'b1;
    frame(16'h1111, 16'h2222, 16'h3333);
    if (!overrun) faults = faults + 1;
    if (faults == 0) $display("PASS");
    else $display("FAIL: %0d faults", faults);
    $finish;
  end

endmodule

`default_nettype wire
