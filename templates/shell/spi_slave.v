// SPDX-License-Identifier: MIT OR Apache-2.0
// SPI slave, mode 0: bytes with the highest bit first, sampled on sck's rise, shifted out on its fall.
`default_nettype none

module spi_slave (
    input  wire       clk,       // clock, at least eight times as fast as sck
    input  wire       rst,       // synchronous reset
    input  wire       sck,       // asynchronous
    input  wire       cs_n,      // asynchronous, low while the master speaks
    input  wire       mosi,      // asynchronous
    output wire       miso,
    output wire       selected,  // a transaction is under way
    output reg        valid,     // a byte came: high for one cycle
    output reg  [7:0] data,      // that byte
    output wire       load,      // `send` is taken at the end of this cycle, as the next byte out
    input  wire [7:0] send
);

  (* async_reg = "true" *) reg [2:0] sck_q;
  (* async_reg = "true" *) reg [2:0] cs_n_q;
  (* async_reg = "true" *) reg [1:0] mosi_q;
  reg  [2:0] count_q;
  reg  [7:0] shift_q;

  wire rise = sck_q[2:1] == 2'b01;
  wire fall = sck_q[2:1] == 2'b10;
  wire begins = cs_n_q[2:1] == 2'b10;

  assign selected = !cs_n_q[2];
  assign miso     = shift_q[7];
  assign load     = begins || (selected && fall && count_q == 3'd0);

  always @(posedge clk) begin
    sck_q  <= {sck_q[1:0], sck};
    cs_n_q <= {cs_n_q[1:0], cs_n};
    mosi_q <= {mosi_q[0], mosi};
    valid  <= 1'b0;
    if (begins) begin
      count_q <= 3'd0;
    end else if (selected && rise) begin
      data    <= {data[6:0], mosi_q[1]};
      count_q <= count_q + 3'd1;
      valid   <= count_q == 3'd7;
    end
    if (load) shift_q <= send;
    else if (selected && fall) shift_q <= {shift_q[6:0], 1'b0};
    if (rst) begin
      cs_n_q <= 3'b111;
      sck_q  <= 3'b000;
      valid  <= 1'b0;
    end
  end

endmodule

`default_nettype wire
