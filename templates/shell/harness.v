// SPDX-License-Identifier: MIT OR Apache-2.0
// Measures a network out of context: registers on every port, one pin in and one pin out, however wide the streams are.
`default_nettype none

module netetch_harness (
    input  wire clk,        // clock
    input  wire rst,        // synchronous reset
    input  wire serial_in,  // shifted into the input registers
    output wire serial_out  // what the output registers shift out, folded by XOR
);

  reg         rst_q;
  reg  [{= in_top =}:0] in_q;
  reg  [{= out_top =}:0] out_q;
  reg  [{= out_top =}:0] chain_q;
  wire [{= out_top =}:0] out;

  assign serial_out = chain_q[{= out_top =}];

  always @(posedge clk) begin
    rst_q   <= rst;
    in_q    <= {in_q[{= in_top - 1 =}:0], serial_in};
    out_q   <= out;
    chain_q <= {chain_q[{= out_top - 1 =}:0], 1'b0} ^ out_q;
  end

  `NETETCH_TOP u_network (
      .clk(clk),
      .rst(rst_q),
      .s_axis_tdata(in_q[{= in_bits - 1 =}:0]),
      .s_axis_tvalid(in_q[{= in_bits =}]),
      .s_axis_tlast(in_q[{= in_bits + 1 =}]),
      .s_axis_tready(out[0]),
      .frame_error(out[1]),
{%- for output in outputs %}
      .{= output.port =}_tready(in_q[{= output.ready =}]),
      .{= output.port =}_tvalid(out[{= output.valid =}]),
      .{= output.port =}_tlast(out[{= output.last =}]),
      .{= output.port =}_tdata(out[{= output.top =}:{= output.bottom =}]){% if !loop.last %},{% endif %}
{%- endfor %}
  );

endmodule

`default_nettype wire
