"""Commands of songs: ``song-pack``."""

import argparse
import json
import sys
from pathlib import Path

EXAMPLE = "example:\n  model-pipeline song-pack --from model_pipeline/songs/packs/christmas --out christmas.lfs"


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    parser = subparsers.add_parser(
        "song-pack",
        help="pack songs, words and schedule of a folder into a song pack (.lfs)",
        description="Pack songs, words and schedule of a folder into the file that a release brings to frames.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--from", dest="folder", type=Path, required=True, metavar="FOLDER", help="folder with a pack.toml"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the pack to write")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.set_defaults(run=run_song_pack)


def run_song_pack(arguments: argparse.Namespace) -> int:
    """Write one pack and say what is in it."""
    import hashlib

    from frame_protocol.content import length_ms
    from model_pipeline.songs.build import build

    pack, data = build(arguments.folder)
    arguments.out.write_bytes(data)
    figures = {
        "pack": pack.pack,
        "version": pack.version,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "songs": [
            {"song": song.song, "seconds": length_ms(song) / 1000, "notes": len(song.notes)} for song in pack.songs
        ],
        "showings": len(pack.schedule),
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for song in pack.songs:
        sys.stdout.write(
            f"  {song.song}: {song.titles.en} / {song.titles.zh_hans}, {len(song.notes)} notes, "
            f"{length_ms(song) / 1000:.1f} s, words in {', '.join(song.lyrics)}\n"
        )
    sys.stdout.write(f"{pack.pack} {pack.version}, {len(data)} bytes, sha256 {figures['sha256']}: {arguments.out}\n")
    return 0
