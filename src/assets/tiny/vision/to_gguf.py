"""Writes a projector file (mmproj) of llama.cpp: the vision tower with the first and last embedding of the codebook, and the audio tower.

usage: to_gguf.py TOWER.pt CODEBOOK.pt SOUND_TOWER.pt OUT.gguf   (needs the `gguf` Python package)
"""
import os, sys
import numpy as np, torch
from gguf import GGMLQuantizationType as Type, GGUFWriter, quantize
from tower import CONFIG, MEAN, STD

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "audio"))
import sound_tower

tower, book, ear = (torch.load(path) for path in sys.argv[1:4])
w = GGUFWriter(sys.argv[4], "clip"); w.add_type("mmproj"); w.add_name("shimmy-tiny vision and audio towers"); w.add_license("MIT")
w.add_description("Sees colored shapes and digits and hears tones, for tests and demonstrations"); w.add_file_type(7); w.add_quantization_version(2)


def add_sizes(kind, c, more):
    """Writes what llama.cpp reads of each tower. A file with two towers has a projector type for each."""
    w.add_bool(f"clip.has_{kind}_encoder", True); w.add_float32(f"clip.{kind}.attention.layer_norm_epsilon", c["eps"])
    sizes = {"embedding_length": c["width"], "feed_forward_length": c["ff"], "block_count": c["layers"], "projection_dim": c["out"], "attention.head_count": c["heads"]}
    for key, value in (sizes | more).items(): w.add_uint32(f"clip.{kind}.{key}", value)


add_sizes("vision", CONFIG, {"image_size": CONFIG["size"], "patch_size": CONFIG["patch"]}); w.add_string("clip.vision.projector_type", "adapter")
w.add_bool("clip.use_gelu", True); w.add_array("clip.vision.image_mean", [MEAN] * 3); w.add_array("clip.vision.image_std", [STD] * 3)
add_sizes("audio", sound_tower.CONFIG, {"num_mel_bins": sound_tower.CONFIG["mel"]}); w.add_string("clip.audio.projector_type", "qwen3a")

# The names of tools/mtmd/clip-impl.h.
LAYER = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_out", "up": "ffn_up", "down": "ffn_down"}
SEEING = {"pos": "v.position_embd.weight", "patch.weight": "v.patch_embd.weight", "patch.bias": "v.patch_embd.bias",
          "post.weight": "v.post_ln.weight", "post.bias": "v.post_ln.bias", "conv.weight": "adapter.conv.weight", "conv.bias": "adapter.conv.bias",
          "linear.weight": "adapter.linear.linear.weight", "norm.weight": "adapter.linear.norm1.weight", "norm.bias": "adapter.linear.norm1.bias",
          "up.weight": "adapter.linear.dense_h_to_4h.weight", "gate.weight": "adapter.linear.gate.weight",
          "down.weight": "adapter.linear.dense_4h_to_h.weight"}
HEARING = {"pos": "a.position_embd.weight", "linear.weight": "a.conv_out.weight"} | {
    f"{ours}.{part}": f"{theirs}.{part}" for part in ("weight", "bias")
    for ours, theirs in (("post", "a.post_ln"), ("up", "mm.a.mlp.1"), ("down", "mm.a.mlp.2"), *((f"convs.{i}", f"a.conv2d.{i + 1}") for i in range(3)))}


def add_tensors(state, names, prefix):
    for key, t in state.items():
        p = key.split("."); name = names.get(key) or f"{prefix}.blk.{p[1]}.{LAYER.get(p[2], p[2])}.{p[3]}"; x = t.float().numpy()
        if key == "pos" or x.ndim == 1: w.add_tensor(name, x)
        elif x.ndim == 4: w.add_tensor(name, x.astype(np.float16))  # Convolutions have no quantized kernels.
        else: w.add_tensor(name, quantize(x, Type.Q8_0), raw_dtype=Type.Q8_0)


add_tensors(tower, SEEING, "v"); add_tensors(ear, HEARING, "a")
w.add_tensor("adapter.boi", book["first"].float().numpy()[0]); w.add_tensor("adapter.eoi", book["last"].float().numpy()[0])
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
