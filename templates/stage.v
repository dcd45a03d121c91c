// {= title =}
{% for line in notes -%}
//   {= line =}
{% endfor -%}
// Generated from the network `{= network =}`; edit the description, not this file.
`default_nettype none
{% if has_rom -%}
`ifndef NETETCH_ROM_DIR
`define NETETCH_ROM_DIR "."
`endif
{% endif %}
module {= module =} (
    input  wire clk,
    input  wire rst,
    input  wire {= s_range =}s_valid,
    output wire {= s_range =}s_ready,
    input  wire [{= s_width - 1 =}:0] s_data,
    output wire m_valid,
    input  wire m_ready,
    output wire [{= m_width - 1 =}:0] m_data
);
{% for part in parts %}
{%- for wire in part.wires %}
  {= wire =}
{%- endfor %}
{%- endfor %}
{% for part in parts %}
  {= part.module =}{% if !part.parameters.is_empty() %} #(
      {% for line in part.parameters -%}
      {= line =}
      {%- if !loop.last %}
      {% endif %}
      {%- endfor %}
  ){% endif %} u_{= part.name =} (
      .clk(clk), .rst(rst),
      {% for line in part.ports -%}
      {= line =}
      {%- if !loop.last %}
      {% endif %}
      {%- endfor %}
  );
{% endfor %}
endmodule

`default_nettype wire
