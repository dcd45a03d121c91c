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
    input  wire s_valid,
    output wire s_ready,
    input  wire [{= s_width - 1 =}:0] s_data,
    output wire m_valid,
    input  wire m_ready,
    output wire [{= m_width - 1 =}:0] m_data
);
{% for part in parts %}
{%- if !loop.last %}
  wire {= part.name =}_valid, {= part.name =}_ready;
  wire [{= part.width - 1 =}:0] {= part.name =}_data;
{%- endif %}
{%- endfor %}
{% for part in parts %}
  {= part.module =} #(
      {% for line in part.parameters -%}
      {= line =}
      {%- if !loop.last %}
      {% endif %}
      {%- endfor %}
  ) u_{= part.name =} (
      .clk(clk), .rst(rst),
      .s_valid({= part.from =}_valid), .s_ready({= part.from =}_ready), .s_data({= part.from =}_data),
      .m_valid({= part.to =}_valid), .m_ready({= part.to =}_ready), .m_data({= part.to =}_data)
  );
{% endfor %}
endmodule

`default_nettype wire
