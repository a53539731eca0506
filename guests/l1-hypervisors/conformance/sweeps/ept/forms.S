// L2 routines of the topic "ept".
#include "sweeps/forms.inc"

table forms_iret
    form iret, "iretq"
table_end

.section .note.GNU-stack, "", @progbits
