// Returns the pixels that the browser shows for a file, both in base64; nothing for a format that it does not know.
async (data) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  try {
    const image = new Image();
    image.src = URL.createObjectURL(new Blob([bytes]));
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, image.width, image.height).data;
    return btoa(pixels.reduce((text, value) => text + String.fromCharCode(value), ""));
  } catch { return null; }
}
