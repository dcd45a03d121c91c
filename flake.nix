{
  description = "Netetch: quantized neural networks to verified circuits, with open tools only";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      forEachSystem = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
      manifest = builtins.fromTOML (builtins.readFile ./Cargo.toml);

      # What tools/requirements.in names, as native programs.
      tools = pkgs: [
        pkgs.verilator
        pkgs.yosys
        pkgs.nextpnr
        pkgs.trellis
        pkgs.icestorm
        pkgs.python3Packages.apycula
        pkgs.sby
        pkgs.z3
        pkgs.iverilog
      ];
    in
    {
      packages = forEachSystem (pkgs: {
        default = pkgs.rustPlatform.buildRustPackage {
          pname = manifest.package.name;
          version = manifest.package.version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          nativeBuildInputs = [ pkgs.makeWrapper ];
          # The tests need the tools and minutes: `make test` in the development shell runs them.
          doCheck = false;
          postInstall = ''
            wrapProgram $out/bin/netetch --prefix PATH : ${pkgs.lib.makeBinPath (tools pkgs)}
          '';
        };
      });

      devShells = forEachSystem (pkgs: {
        default = pkgs.mkShell {
          packages = tools pkgs ++ [
            pkgs.cargo
            pkgs.rustc
            pkgs.clippy
            pkgs.rustfmt
            pkgs.gnumake
            pkgs.perl
            pkgs.python3
          ];
        };
      });

      formatter = forEachSystem (pkgs: pkgs.nixfmt-rfc-style);
    };
}
