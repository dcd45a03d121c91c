// SPDX-License-Identifier: MIT OR Apache-2.0
// Measures a network out of context: registers on every port, one pin in and one pin out, however wide the streams are.
`default_nettype none

module netetch_harness #(
    parameter IN_BITS  = 8, // bits of the input's TDATA
    parameter OUT_BITS = 8  // bits of the output's TDATA
) (
    input  wire clk,        // clock
    input  wire rst,        // synchronous reset
    input  wire serial_in,  // shifted into the input registers
    output wire serial_out  // what the output registers shift out, folded by XOR
);

  localparam IN = IN_BITS + 3;
  localparam OUT = OUT_BITS + 4;

  reg            rst_q;
  reg  [ IN-1:0] in_q;
  reg  [OUT-1:0] out_q;
  reg  [OUT-1:0] chain_q;
  wire [OUT-1:0] out;

  assign serial_out = chain_q[OUT-1];

  always @(posedge clk) begin
    rst_q   <= rst;
    in_q    <= {in_q[IN-2:0], serial_in};
    out_q   <= out;
    chain_q <= {chain_q[OUT-2:0], 1'b0} ^ out_q;
  end

  `NETETCH_TOP u_network (
      .clk(clk),
      .rst(rst_q),
      .s_axis_tdata(in_q[IN_BITS-1:0]),
      .s_axis_tvalid(in_q[IN-3]),
      .s_axis_tready(out[OUT-4]),
      .s_axis_tlast(in_q[IN-2]),
      .m_axis_tdata(out[OUT_BITS-1:0]),
      .m_axis_tvalid(out[OUT-3]),
      .m_axis_tready(in_q[IN-1]),
      .m_axis_tlast(out[OUT-2]),
      .frame_error(out[OUT-1])
  );

endmodule

`default_nettype wire
