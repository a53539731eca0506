# The guest's flat binary, as bytes of the probe: guest_image up to guest_image_end.
    .section .rodata, "a"
    .global guest_image, guest_image_end
guest_image:
    .incbin "guest.bin"
guest_image_end:
    .section .note.GNU-stack, "", @progbits
