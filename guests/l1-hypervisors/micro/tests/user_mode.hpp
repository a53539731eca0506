// Each VMX instruction as a piece of CPL-3 code that ends in INT3, for run_in_user_mode().
#pragma once

namespace micro {

using namespace kit;

using UserCode = void();

struct UserForm {
    const char* name;
    UserCode* code;
};

extern "C" {
extern const UserForm user_forms[];
extern const UserForm user_forms_end[];
// A control call, function 0; its RAX is left in user_control_call_result.
UserCode user_control_call;
extern volatile unsigned long user_control_call_result;
// Any function of it: number and argument are taken from here.
UserCode user_control_function;
extern volatile unsigned long user_control_call_function, user_control_call_argument;
}

}  // namespace micro
