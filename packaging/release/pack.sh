#!/usr/bin/env bash
# Packs the executable that `deno task compile` wrote with its licences and the files for services.
#
#     bash packaging/release/pack.sh TARGET LIBRARIES
#
# LIBRARIES is the folder of the libraries that the executable holds. Writes an archive into dist/release.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=$1 libraries=$2
version=$(sed -nE 's/^  "version": "(.*)",$/\1/p' deno.json)
name=shimmy-$version-$target
folder=dist/pack/$name
rm -rf "$folder"
mkdir -p "$folder/licences" dist/release

cp LICENSE "$folder/"
cp "$libraries"/LICENSE* "$folder/licences/"
case $target in
  *windows*) cp dist/shimmy.exe "$folder/" ;;
  *) install -m 755 dist/shimmy "$folder/" ;;
esac
case $target in
  *linux*) cp -r packaging/systemd "$folder/" ;;
  *apple*) cp -r packaging/launchd "$folder/" ;;
esac

rm -f "dist/release/$name".*
case $target in
  *windows*) (cd dist/pack && zip -qr "../release/$name.zip" "$name") ;;
  *) tar -C dist/pack --owner=0 --group=0 --sort=name -czf "dist/release/$name.tar.gz" "$name" ;;
esac
ls "dist/release/$name".*
