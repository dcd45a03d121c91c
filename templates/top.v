// {= network =}: {= input =} -> {= output =}
//   One inference every {= ii =} cycles; {= latency =} cycles from the first input beat to the last output beat.
//   Element 0 of a beat in its lowest bits; channels fastest, then x, then y.
//
{% for row in table -%}
//   {= row =}
{% endfor -%}
//
// Generated; edit the description, not this file.
`default_nettype none

module {= network =} (
    input  wire clk,                          // the only clock
    input  wire rst,                          // synchronous, active high
    input  wire [{= s_bits - 1 =}:0] s_axis_tdata,   // {= s_lanes =}
    input  wire s_axis_tvalid,
    output wire s_axis_tready,
    input  wire s_axis_tlast,                 // last beat of a frame; checked
{%- for output in outputs %}
    output wire [{= output.bits - 1 =}:0] {= output.port =}_tdata,   // {= output.lanes =}
    output wire {= output.port =}_tvalid,
    input  wire {= output.port =}_tready,
    output wire {= output.port =}_tlast,                 // last beat of a frame
{%- endfor %}
{%- for stage in stages %}{% if probes %}
    output wire probe_{= stage.name =}_valid,
    output wire probe_{= stage.name =}_ready,
    output wire [{= stage.width - 1 =}:0] probe_{= stage.name =}_data,
{%- endif %}{% endfor %}
    output wire frame_error                   // a frame had the wrong length; stays set until reset
);

  wire s_axis_checked_valid, s_axis_checked_ready;
  wire [{= s_width - 1 =}:0] s_axis_checked_data;
{%- if input_buffer %}
  wire s_axis_held_valid, s_axis_held_ready;
  wire [{= s_width - 1 =}:0] s_axis_held_data;
{%- endif %}
{%- for stage in stages %}
  wire {= stage.name =}_valid, {= stage.name =}_ready;
  wire [{= stage.width - 1 =}:0] {= stage.name =}_data;
{%- endfor %}

{%- for fork in forks %}

  // A beat of {= fork.name =} passes to all its readers in one cycle.
  wire [{= fork.readers - 1 =}:0] {= fork.name =}_readers;
  wire {= fork.name =}_passes = {= fork.name =}_valid && {= fork.name =}_ready;
  assign {= fork.name =}_ready = &{= fork.name =}_readers;
{%- endfor %}

  frame_guard #(
      .WIDTH({= s_width =}), .BEATS({= s_beats =})
  ) u_frame_guard (
      .clk(clk), .rst(rst),
      .s_valid(s_axis_tvalid), .s_ready(s_axis_tready), .s_data(s_axis_tdata[{= s_width - 1 =}:0]), .s_last(s_axis_tlast),
      .m_valid(s_axis_checked_valid), .m_ready(s_axis_checked_ready), .m_data(s_axis_checked_data),
      .frame_error(frame_error)
  );
{% if input_buffer %}
  skid_buffer #(
      .WIDTH({= s_width =})
  ) u_input (
      .clk(clk), .rst(rst),
      .s_valid(s_axis_checked_valid), .s_ready(s_axis_checked_ready), .s_data(s_axis_checked_data),
      .m_valid(s_axis_held_valid), .m_ready(s_axis_held_ready), .m_data(s_axis_held_data)
  );
{% endif %}{% for stage in stages %}
  // {= stage.title =}
  {= network =}_{= stage.name =} u_{= stage.name =} (
      .clk(clk), .rst(rst),
      .s_valid({= stage.valid =}), .s_ready({= stage.ready =}), .s_data({= stage.data =}),
      .m_valid({= stage.name =}_valid), .m_ready({= stage.name =}_ready), .m_data({= stage.name =}_data)
  );
{% endfor %}
{%- for output in outputs %}
  frame_marker #(
      .WIDTH({= output.width =}), .BEATS({= output.beats =})
  ) u_frame_marker{= output.suffix =} (
      .clk(clk), .rst(rst),
      .s_valid({= output.valid =}), .s_ready({= output.ready =}), .s_data({= output.data =}),
      .m_valid({= output.port =}_tvalid), .m_ready({= output.port =}_tready), .m_data({= output.port =}_tdata[{= output.width - 1 =}:0]), .m_last({= output.port =}_tlast)
  );
{%- if output.bits != output.width %}
  assign {= output.port =}_tdata[{= output.bits - 1 =}:{= output.width =}] = 0;
{%- endif %}
{%- if !loop.last %}
{% endif %}
{%- endfor %}
{%- if s_bits != s_width %}
  wire unused_padding = &{1'b0, s_axis_tdata[{= s_bits - 1 =}:{= s_width =}]};
{%- endif %}
{%- if probes %}{% for stage in stages %}
  assign probe_{= stage.name =}_valid = {= stage.name =}_valid;
  assign probe_{= stage.name =}_ready = {% if stage.runs_on %}1'b1{% else %}{= stage.name =}_ready{% endif %};
  assign probe_{= stage.name =}_data = {= stage.name =}_data;
{%- endfor %}{% endif %}

endmodule

`default_nettype wire
