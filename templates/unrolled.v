// {= layer =}: weights, biases and limits wired in.
{% for line in notes -%}
//   {= line =}
{% endfor -%}
// Generated from the network `{= network =}`; edit the description, not this file.
`default_nettype none

module {= module =} (
    input  wire clk,
    input  wire rst,
    input  wire s_valid,
    input  wire [{= s_width - 1 =}:0] s_data,
    output wire m_valid,
    output wire [{= m_width - 1 =}:0] m_data
);

  // A beat goes in whenever it is valid and comes out {= registers =} cycles later; nothing stalls.
  reg [{= registers =}:1] valid_q;
  assign m_valid = valid_q[{= registers =}];
  always @(posedge clk) begin
    valid_q <= {% if registers == 1 %}s_valid{% else %}{valid_q[{= registers - 1 =}:1], s_valid}{% endif %};
    if (rst) valid_q <= {= registers =}'d0;
  end
{% for line in inputs %}
  {= line =}
{%- endfor %}
{% for level in levels %}
  // Register {= level.number =}
{%- for line in level.declarations %}
  {= line =}
{%- endfor %}
  always @(posedge clk) begin
{%- for line in level.loads %}
    {= line =}
{%- endfor %}
  end
{% endfor %}
{%- for line in outputs %}
  {= line =}
{%- endfor %}
{% if !unused.is_empty() %}
  wire unused = &{1'b0
{%- for name in unused %}, {= name =}
{%- endfor %}};
{% endif %}
endmodule

`default_nettype wire
