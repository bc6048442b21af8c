"""Composites at any pixel ratio: the picture at ratio R, scaled down, is the one at ratio 1. Layers that `pos` places, sizes,
texts, effects with their blurs and offsets, masks, paths, nested requests and perspective all grow along."""

import pathlib
import shutil
import unittest

import numpy as np
from PIL import Image

import samples

FONT = pathlib.Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
MOST_OFF = .0015
RATIOS = ("1.25", "1.5", "2", "2.5", "3", "4", "1.1", "2.625")

# On a canvas of 400 by 320 pixels, shown at half its size.
VIEW = "&layer=comp&wid=200&hei=160&bgc=255,255,255"
SCENES = {
    "pos": "&layer=1&src=label&size=110,0&pos=-90,-60&layer=2&src=disc&size=90,0&pos=101,37&layer=3&src=blue&size=50,0&pos=-33,97",
    "twenty layers": "".join(f"&layer={n}&color={n * 12},40,{255 - n * 12}&size=41,27&originN=-.5,-.5&pos={77 * (n % 5) - 190},"
                             f"{61 * (n // 5) - 150}" for n in range(1, 21)),
    "origin and anchor": "&layer=1&src=label&size=120,0&originN=-.5,-.5&anchorN=.5,.5&pos=-101,-51&layer=2&src=disc&size=70,0"
                         "&anchor=10,20&pos=33,44",
    "scaled": "&layer=1&src=label&scale=0.7&rotate=25&pos=-60,30&layer=2&src=grid&sizeN=.3,0&flip=lr&pos=90,-70",
    "resolution": "&layer=1&src=label&res=300&size=0,0&pos=40,20&layer=2&src=disc&res=150&pos=-100,-40",
    "extend and crop": "&layer=1&src=grid&crop=400,300,800,800&size=120,0&extend=13,7,21,5&bgColor=200,30,60&pos=-50,11",
    "text": "&layer=1&text=%7B%5Crtf1%5Cfs72%20Grow%7D&size=260,0&pos=-30,-50&layer=2&text=Small%20print&size=180,60&pos=20,90",
    "text as wide as it is": "&layer=1&text=%7B%5Crtf1%5Cfs96%5Ccf0%20Wide%7D&pos=0,0",
    "shadow": "&layer=1&src=disc&size=140,0&pos=-60,-30&effect=-1&color=0,0,0&opac=75&op_blur=24&pos=12,15"
              "&layer=2&src=label&size=90,0&pos=90,60&effect=-1&$shadow$",
    "glow and outline": "&layer=1&src=disc&size=140,0&pos=-70,-40&effect=-1&op_grow=6&color=0,90,200&layer=2&src=disc&size=120,0"
                        "&pos=80,50&effect=-1&$glow$&color=255,120,0&op_blur=12",
    "inner effect": "&layer=1&src=disc&size=200,0&pos=-20,0&effect=1&color=0,0,0&op_blur=10&pos=9,9",
    "mask": "&layer=1&src=blue&size=200,150&mask=disc&pos=-40,-30&layer=2&src=grid&size=130,0&mask=gray&pos=90,60",
    "clip path": "&layer=1&src=blue&size=220,170&clipPath=M20,10L200,40,150,150,40,120Z&pos=-30,10",
    "perspective": "&layer=1&src=label&perspective=60,40,330,70,300,260,30,220",
    "blur and sharpen": "&layer=1&src=left&size=150,0&op_blur=40&pos=-60,-60&layer=2&src=grid&size=120,0&op_usm=1.5,2,0,0&pos=80,60",
    "nested": "&layer=1&src=is(sheets/label?layer=1&src=disc&size=60,0&pos=30,10&effect=-1&color=0,0,0&op_blur=4&pos=5,5&layer=comp&wid=200)"
              "&size=180,0&pos=-40,20",
    "comp": "&layer=1&src=label&size=150,0&pos=-80,-60&layer=comp&op_blur=3&flip=lr&rgn=40,20,300,240",
    "blend": "&layer=1&src=grid&size=200,0&pos=-50,-20&blendMode=mult&opac=70&layer=2&src=disc&size=150,0&pos=60,40&blendMode=screen",
}


class RatioComposites(samples.Samples):
    @classmethod
    def prepare(cls, root, companies):
        super().prepare(root, companies)
        Image.fromarray(samples.plain(400, 320, 235, 235, 225)).save(root / "sheets/canvas.png")
        if FONT.exists():
            shutil.copy(FONT, root / "sheets")
        (companies / "dense-sheets.ini").write_text(
            "RootPath = sheets\nBfc = false\nDefaultPix = 0,0\nMaxPix = 0,0\nDefaultFont = Sans\n[fonts]\nSans = DejaVuSans.ttf\n")

    company = "dense-sheets/"

    def at(self, scene, ratio):
        return self.array(f"canvas?{scene[1:]}{VIEW}&dpr=on,{ratio}")

    def share_off(self, one, many):
        """Share of pixels of the shrunk picture that lie clearly beyond those at and around their place in the other: edges
        may be a pixel further, as they are rounded to whole pixels at each ratio."""
        high, wide = one.shape[:2]
        small = np.asarray(Image.fromarray(many.astype(np.uint8)).resize((wide, high), Image.BOX)).astype(int)
        padded = np.pad(one, ((1, 1), (1, 1), (0, 0)), "edge")
        around = np.stack([padded[y:y + high, x:x + wide] for y in range(3) for x in range(3)])
        beyond = np.maximum(around.min(axis=0) - small, small - around.max(axis=0)).max(axis=2)
        return (beyond > 12).mean()

    def test_composites_grow_with_the_ratio(self):
        for name, scene in SCENES.items():
            if "text" in name and not FONT.exists():
                continue
            one = self.at(scene, 1)
            self.assertEqual(one.shape, (160, 200, 3))
            self.assertGreater(one.std(), 15, f"{name}: nothing is drawn")
            for ratio in RATIOS:
                many = self.at(scene, ratio)
                self.assertEqual(many.shape[:2], tuple(int(side * float(ratio) + .5) for side in (160, 200)))
                self.assertLess(self.share_off(one, many), MOST_OFF, f"{name} at {ratio}")

    def test_what_grows_wrongly_is_seen(self):
        """A place, a size, a blur, an offset and a size of letters that a ratio of 2 would have left as they are."""
        for name, right, wrong in (("pos", "pos=-90,-60", "pos=-86,-57"), ("pos", "size=110,0", "size=118,0"),
                                   ("blur and sharpen", "op_blur=40", "op_blur=20"), ("shadow", "pos=12,15", "pos=6,7"),
                                   ("shadow", "op_blur=24", "op_blur=12"), ("glow and outline", "op_grow=6", "op_grow=3"),
                                   ("text as wide as it is", "fs96", "fs90"),
                                   ("nested", "pos=30,10", "pos=20,5"), ("perspective", "60,40", "64,44")):
            if "text" in name and not FONT.exists():
                continue
            self.assertIn(right, SCENES[name])
            one, many = self.at(SCENES[name], 1), self.at(SCENES[name].replace(right, wrong, 1), 2)
            self.assertGreater(self.share_off(one, many), MOST_OFF, (name, wrong))


if __name__ == "__main__":
    unittest.main()
